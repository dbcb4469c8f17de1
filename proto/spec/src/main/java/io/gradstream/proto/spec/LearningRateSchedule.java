package io.gradstream.proto.spec;

/**
 * How the learning rate (an option of the optimizer) goes over the rounds.
 *
 * @param warmupRounds rounds of the linear rise from 0
 * @param decay the course after the warm-up
 * @param floor the share of the learning rate that is left in the last round
 */
public record LearningRateSchedule(
    @Param(value = "rounds in which the learning rate rises linearly", defaultValue = "0", min = 0)
        long warmupRounds,
    @Param(value = "course of the learning rate after warm-up", defaultValue = "constant")
        Decay decay,
    @Param(
            value = "share of the learning rate left in the last round, for cosine",
            defaultValue = "0.0",
            min = 0,
            max = 1)
        double floor) {
  /** The course after warm-up. */
  public enum Decay {
    CONSTANT,
    COSINE
  }
}
