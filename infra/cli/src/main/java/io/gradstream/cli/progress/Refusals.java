package io.gradstream.cli.progress;

import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.proto.message.DeadLetter;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.topic.LogReader;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.common.TopicPartition;

/** Says why a slot is refused again and again, and what can be done about it. */
public final class Refusals {
  /** A slot that is refused so often has the same bits each time, and the round cannot end. */
  public static final int FOR_EVER = 2;

  private static final int LOOKED_AT = 64;

  private Refusals() {}

  /**
   * One sentence: task, reason, round, and the way on.
   *
   * @param bestVersion the version to go back to
   */
  public static String text(Run run, RefusedSlots.Refusal refusal, long bestVersion) {
    final String name = run.spec().run();
    return "round %d cannot end: the gradient of task %s, slot %d, was refused %d times (%s), and whoever computes it gets the same. Most often the weights have diverged: %s with a smaller optimizer.learning-rate, or with clip-norm"
        .formatted(
            refusal.round(),
            run.topics().nameOf(refusal.task()),
            refusal.slot(),
            refusal.times(),
            reason(run, refusal),
            bestVersion > run.description().firstRound()
                ? "gradstream fork --run %s --version %d --as %s-2 --set optimizer.learning-rate=..., to go on from before,"
                    .formatted(name, bestVersion, name)
                : "begin anew under another name,");
  }

  /** The reason on the newest dead letter of the slot. */
  private static String reason(Run run, RefusedSlots.Refusal refusal) {
    final var letters = new TopicPartition(run.topics().deadLetters(), 0);
    final String topic = run.topics().gradients(refusal.task());
    final var reason = new AtomicReference<>("see gradstream dead-letters");
    try (var log = new LogReader(run.connection(), run.spec().run() + ".refusals")) {
      final long end = log.end(letters);
      log.read(
          letters,
          Math.max(0, end - LOOKED_AT),
          end,
          record -> {
            try {
              final DeadLetter letter = DeadLetter.parseFrom(record.value());
              if (letter.getTopic().equals(topic)
                  && letter.getRound() == refusal.round()
                  && letter.getSlot() == refusal.slot()) {
                reason.set(letter.getReason());
              }
            } catch (InvalidProtocolBufferException e) {
              // somebody else's record; there are others
            }
          });
    }
    return reason.get();
  }
}
