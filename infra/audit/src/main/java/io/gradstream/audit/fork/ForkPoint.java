package io.gradstream.audit.fork;

import com.google.protobuf.ByteString;
import io.gradstream.audit.checkpoint.PartitionState;
import io.gradstream.audit.rounds.Finding;
import io.gradstream.audit.rounds.LogCut;
import io.gradstream.audit.rounds.LoggedRound;
import io.gradstream.audit.rounds.LoggedRounds;
import io.gradstream.audit.rounds.LoggedUpdates;
import io.gradstream.audit.rounds.Recalculation;
import io.gradstream.audit.rounds.RefusedRecords;
import io.gradstream.proto.UserError;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.log.RunLog;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.message.WeightSeal;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.run.RunPlugins;
import java.util.function.LongConsumer;

/**
 * A run's services as they were when its weights had some version, computed from the log from the
 * first round on: the recorded gradients are added, the rounds closed by the recorded verdicts, and
 * the steps taken. One thread; memory for the vectors of the model and one round's records.
 */
public final class ForkPoint {
  private final RunDescription run;
  private final Recalculation recalculation;
  private final Verdict verdict;

  private ForkPoint(RunDescription run, Recalculation recalculation, Verdict verdict) {
    this.run = run;
    this.recalculation = recalculation;
    this.verdict = verdict;
  }

  /**
   * Computes where a run stood.
   *
   * @param version after the run's first round: before it, nothing has been learnt to take over
   * @param progress told of each round that was computed
   * @throws UserError if the log does not reach that version, or is not as a run leaves it
   */
  public static ForkPoint at(RunLog whole, long version, LongConsumer progress) {
    final LogCut log = LogCut.of(whole);
    final RunDescription run = log.run();
    RunPlugins.require(run, RunPlugins.ARBITRATOR, RunPlugins.SERVER);
    final long first = run.firstRound() + 1;
    if (version < first || version > run.spec().rounds()) {
      throw new UserError(
          "--version: must be %d to %d, found %d".formatted(first, run.spec().rounds(), version));
    }
    final var recalculation = new Recalculation(run, PartitionState.begun(log));
    try (var rounds = new LoggedRounds(log, RefusedRecords.read(log), ForkPoint::refuse)) {
      if (run.origin().isEmpty()) {
        initialize(recalculation, log);
      }
      while (true) {
        final LoggedRound logged =
            rounds
                .next()
                .orElseThrow(
                    () ->
                        new UserError(
                            "--version: run %s has come to version %d, not to %d"
                                .formatted(run.spec().run(), rounds.round(), version)));
        final boolean all = rounds.gradients(logged, recalculation);
        if (!logged.isSkipped() && !(all && recalculation.rounds().complete())) {
          throw new UserError(
              "round %d: the log does not have all of its gradients".formatted(logged.round()));
        }
        recalculation.apply(recalculation.rounds().close(logged.verdict()));
        progress.accept(logged.round());
        if (rounds.round() == version) {
          return new ForkPoint(run, recalculation, logged.verdict());
        }
      }
    } catch (MalformedRecordException e) {
      throw new UserError("the log is not sound, see gradstream audit: " + e.getMessage(), e);
    }
  }

  private static void initialize(Recalculation recalculation, LogCut log)
      throws MalformedRecordException {
    for (int partition = 0; partition < log.run().manifest().partitions(); partition++) {
      try (var updates = new LoggedUpdates(log, partition, ForkPoint::refuse)) {
        for (final LogRecord initial : updates.next(LoggedUpdates.INITIAL).values()) {
          recalculation.initialize(initial.bytes());
        }
      }
    }
  }

  private static void refuse(Finding finding) {
    if (finding.kind() == Finding.Kind.ORDER) {
      return; // nobody took it
    }
    throw new UserError("the log is not sound, see gradstream audit: " + finding);
  }

  /** The run that the log is of. */
  RunDescription run() {
    return run;
  }

  /** The verdict that led to the version. */
  Verdict verdict() {
    return verdict;
  }

  /**
   * The stores on a partition.
   *
   * @param before the verdict that the new run has of the round before its first
   */
  PartitionState state(int partition, Verdict before) {
    return recalculation.state(partition, before);
  }

  /** A shard's record on the weights topic. */
  byte[] weights(Shard shard) {
    return recalculation.weights(shard);
  }

  /**
   * The seal of a partition's weights.
   *
   * @param ofRun digest of the record of the run that they are for
   * @param before digest of the verdict that they follow from in that run
   */
  WeightSeal seal(int partition, ByteString ofRun, ByteString before) {
    return recalculation.seal(partition, ofRun, before);
  }
}
