package io.gradstream.audit.replay;

import io.gradstream.proto.UserError;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.run.RunPlugins;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.spec.SpecChange;
import java.util.ArrayList;
import java.util.List;

/**
 * A run's spec with another way to decide.
 *
 * <p>Only what the arbitrator decides by may differ: resolver, calibrator, groups of micro-batches,
 * momentum, clipping, the tasks' weights and the seed of methods that draw. Anything else either
 * has no effect on recorded gradients, or would have led to other gradients. Which keys these are,
 * each key of the spec declares itself.
 */
public final class AlternativeDecision {
  private AlternativeDecision() {}

  /**
   * The run that would decide otherwise.
   *
   * @param resolver name of a method; that of the run itself keeps its options
   * @param assignments {@code key.path=value}, applied after the resolver
   * @throws UserError if an assignment is wrong, or changes what recorded gradients depend on
   */
  public static RunDescription of(RunDescription run, String resolver, List<String> assignments) {
    final var overrides = new ArrayList<String>();
    if (!resolver.equals(run.spec().resolver().kind())) {
      overrides.add("resolver=" + resolver);
    }
    overrides.addAll(assignments);
    final RunSpec spec =
        RunSpec.parse(run.spec().text(), "the spec of run " + run.spec().run(), overrides);
    SpecChange.forbiddenInReplay(run.spec(), spec)
        .ifPresent(
            change -> {
              throw new UserError(
                  "--set: %s was part of how the gradients came about and cannot be another afterwards; replay changes resolver, calibrator, accumulation.groups, momentum, clip-norm, seed and the tasks' weights"
                      .formatted(change.key()));
            });
    RunPlugins.require(run, RunPlugins.ARBITRATOR, RunPlugins.SERVER);
    if (run.origin().isPresent()
        && spec.accumulation().groups() != run.spec().accumulation().groups()) {
      throw new UserError(
          "--set: accumulation.groups: a fork begins with sums of %s groups and cannot be replayed with %s; replay the run that it comes from"
              .formatted(run.spec().accumulation().groups(), spec.accumulation().groups()));
    }
    return RunDescription.of(spec, run.manifest());
  }
}
