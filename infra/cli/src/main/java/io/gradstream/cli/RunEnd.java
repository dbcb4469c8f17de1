package io.gradstream.cli;

import io.gradstream.cli.progress.RunSummary;
import io.gradstream.proto.run.Run;
import io.gradstream.weights.Weights;
import io.gradstream.weights.WeightsReader;

/**
 * When a run is over: all rounds have a verdict, the weights of the last are published and, if they
 * are validated at all, evaluated. One thread.
 */
final class RunEnd {
  private final Run run;

  RunEnd(Run run) {
    this.run = run;
  }

  /** Whether nothing is left to do for anybody. */
  boolean isReached(RunSummary summary) {
    final long rounds = run.spec().rounds();
    return summary.rounds() >= rounds
        && (run.spec().evaluation().every() == 0 || summary.validations().containsKey(rounds))
        && isPublished();
  }

  /** Whether the last weights are there, which server, arbitrator and workers are for. */
  boolean isPublished() {
    return new WeightsReader(run).latest().map(Weights::version).orElse(-1L) >= run.spec().rounds();
  }
}
