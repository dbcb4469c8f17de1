package io.gradstream.producer.model;

/**
 * Losses on held-out data.
 *
 * @param samples how many held-out samples were used
 * @param losses mean loss of each task, in task order
 */
public record Validation(int samples, double[] losses) {}
