package io.gradstream.arbitrator.calibrator;

/**
 * What is known of a round's gradients before they are calibrated: a number each, in the order of
 * the gradients.
 *
 * @param round number of the round, from 0
 * @param norms of the gradients
 * @param losses of the round
 * @param withMemory inner products of the gradients with their memories
 * @param memorySquared squared norms of the memories
 * @param variance the expected squared distance of a gradient from the true one, as the round's
 *     micro-batches show it
 */
public record RowNumbers(
    long round,
    double[] norms,
    double[] losses,
    double[] withMemory,
    double[] memorySquared,
    double[] variance) {}
