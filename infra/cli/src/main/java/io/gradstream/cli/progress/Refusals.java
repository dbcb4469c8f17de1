package io.gradstream.cli.progress;

import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.arbitrator.round.SkippedRound;
import io.gradstream.proto.log.LogReader;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.DeadLetter;
import io.gradstream.proto.run.LostRound;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.spec.OnDivergence;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.apache.kafka.common.TopicPartition;

/**
 * Finds out whether a slot's gradient is refused again and again, why, and what can be done about
 * it. A slot has the same bits whoever computes it, so a round that waits for such a slot cannot
 * end.
 */
public final class Refusals {
  /** How many bytes of the dead letters are read at most; they carry the refused records. */
  private static final long MAX_READ_BYTES = 64L << 20;

  private static final int MAX_LETTERS = 1000;

  private Refusals() {}

  /**
   * The newest refused record of a slot that was refused more than once; empty if it was not, as
   * far as the log shows. A single refusal says little, since anybody may have sent the record.
   */
  public static Optional<DeadLetter> repeated(Run run, RefusedSlots.Refusal refusal) {
    if (refusal.times() < 2) {
      return Optional.empty();
    }
    final List<DeadLetter> letters = lettersOf(run, refusal);
    return isRepeated(letters) ? Optional.of(letters.getLast()) : Optional.empty();
  }

  /**
   * A slot has a record for each shard, and each is refused by itself. The slot was refused again
   * if a shard occurs twice.
   */
  static boolean isRepeated(List<DeadLetter> lettersOfSlot) {
    return lettersOfSlot.stream().map(DeadLetter::getShard).distinct().count()
        < lettersOfSlot.size();
  }

  private static List<DeadLetter> lettersOf(Run run, RefusedSlots.Refusal refusal) {
    final var partition = new TopicPartition(run.topics().deadLetters(), 0);
    final String topic = run.topics().gradients(refusal.task());
    final var letters = new ArrayList<DeadLetter>();
    try (var log = new LogReader(run.connection(), run.spec().run() + ".refusals")) {
      final long end = log.end(partition);
      log.read(
          partition,
          Math.max(0, end - lettersToRead(run)),
          end,
          record -> {
            try {
              final DeadLetter letter = DeadLetter.parseFrom(record.bytes());
              if (letter.getTopic().equals(topic)
                  && letter.getRound() == refusal.round()
                  && letter.getSlot() == refusal.slot()) {
                letters.add(letter.toBuilder().clearRecord().build());
              }
            } catch (InvalidProtocolBufferException e) {
              // Somebody wrote another record to the topic; it is skipped.
            }
          });
    }
    return letters;
  }

  private static long lettersToRead(Run run) {
    final long values = run.manifest().shards().stream().mapToLong(Shard::length).max().orElse(1);
    return Math.clamp(MAX_READ_BYTES / (values * Float.BYTES + 1), 1, MAX_LETTERS);
  }

  /**
   * One sentence: task, reason, round, and the way on.
   *
   * @param letter a refused record of the slot
   * @param bestVersion the version to go back to
   */
  public static String text(
      Run run, RefusedSlots.Refusal refusal, DeadLetter letter, long bestVersion) {
    return cannotEnd(
        run,
        refusal.round(),
        "the gradient of task %s, slot %d, is refused each time (%s)"
            .formatted(run.topics().nameOf(refusal.task()), refusal.slot(), letter.getReason()),
        bestVersion);
  }

  /**
   * The same where the arbitrator has found it, and the run's spec does not want the round to be
   * skipped, or too many were in a row.
   */
  public static Optional<String> found(Run run, RunSummary summary) {
    return summary
        .divergence()
        .filter(divergence -> !skips(run, summary))
        .map(
            divergence ->
                cannotEnd(
                    run,
                    summary.rounds(),
                    "%sthe gradient of task %s, slot %d, is refused each time (a value that is not finite, by %s)"
                        .formatted(
                            summary.skippedInARow() > 0
                                ? "the %d before it were skipped, and "
                                    .formatted(summary.skippedInARow())
                                : "",
                            run.topics().nameOf(divergence.getRefused(0).getTask()),
                            divergence.getRefused(0).getSlot(),
                            SkippedRound.workers(divergence)),
                    summary.bestVersion()));
  }

  /**
   * Why the run cannot go on, where gradients of a decided round are lost; empty if they are not.
   */
  public static Optional<String> lost(Run run, RunSummary summary) {
    final OptionalLong waiting = summary.decidedRoundWaitedFor();
    if (waiting.isEmpty()) {
      return Optional.empty();
    }
    try (var log = new LogReader(run.connection(), run.spec().run() + ".lost")) {
      return LostRound.advice(run, log, waiting.getAsLong());
    }
  }

  /** Whether a round that cannot end is skipped. */
  public static boolean skips(Run run, RunSummary summary) {
    return run.spec().onDivergence() == OnDivergence.SKIP_ROUND
        && summary.skippedInARow() < SkippedRound.MOST_IN_A_ROW;
  }

  private static String cannotEnd(Run run, long round, String because, long bestVersion) {
    final String name = run.spec().run();
    return "round %d cannot end: %s, and whoever computes it gets the same. Most often the weights have diverged: %s with a smaller optimizer.learning-rate, or with clip-norm"
        .formatted(
            round,
            because,
            bestVersion > run.description().firstRound()
                ? "gradstream fork --run %s --version %d --as %s-2 --set optimizer.learning-rate=..., to go on from before,"
                    .formatted(name, bestVersion, name)
                : "begin anew under another name,");
  }
}
