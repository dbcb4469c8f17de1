package io.gradstream.cli;

import io.gradstream.cli.progress.RunSummary;
import io.gradstream.proto.run.Run;
import io.gradstream.submission.weights.Weights;
import io.gradstream.submission.weights.WeightsReader;

/**
 * Tells whether a run is over: all rounds have a verdict, the weights of the last round are
 * published and, where the run is validated, evaluated. One thread.
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

  /**
   * Whether the last weights are published; then server, arbitrator and workers have no more to do.
   */
  boolean isPublished() {
    return new WeightsReader(run).latest().map(Weights::version).orElse(-1L) >= run.spec().rounds();
  }
}
