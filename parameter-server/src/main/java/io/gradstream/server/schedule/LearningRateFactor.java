package io.gradstream.server.schedule;

import io.gradstream.proto.spec.LearningRateSchedule;
import io.gradstream.proto.spec.RunSpec;

/**
 * The schedule's factor on the learning rate in a round: a linear rise, then constant or half a
 * cosine (Loshchilov and Hutter, SGDR, 2017, Eq. 5, one period) down to the floor.
 */
public final class LearningRateFactor {
  private final LearningRateSchedule schedule;
  private final long rounds;

  private LearningRateFactor(LearningRateSchedule schedule, long rounds) {
    this.schedule = schedule;
    this.rounds = rounds;
  }

  public static LearningRateFactor of(RunSpec spec) {
    return new LearningRateFactor(spec.schedule(), spec.rounds());
  }

  /**
   * The factor of a round, above 0 in the first.
   *
   * @param round 0 to rounds - 1
   */
  public double at(long round) {
    final long warmup = schedule.warmupRounds();
    if (round < warmup) {
      return (round + 1.0) / warmup;
    }
    return switch (schedule.decay()) {
      case CONSTANT -> 1;
      case COSINE -> {
        final double part = (double) (round - warmup) / Math.max(1, rounds - 1 - warmup);
        final double cosine = (1 + StrictMath.cos(StrictMath.PI * Math.min(1, part))) / 2;
        yield schedule.floor() + (1 - schedule.floor()) * cosine;
      }
    };
  }
}
