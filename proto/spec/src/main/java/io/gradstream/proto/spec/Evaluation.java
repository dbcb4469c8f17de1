package io.gradstream.proto.spec;

/**
 * When validation losses are computed on held-out data.
 *
 * @param every rounds between two evaluations; 0 for never
 * @param samples held-out samples of one evaluation
 */
public record Evaluation(
    @Param(
            value = "rounds between two evaluations on held-out data; 0: never",
            defaultValue = "0",
            min = 0)
        int every,
    @Param(value = "held-out samples of one evaluation", defaultValue = "512", min = 1)
        int samples) {}
