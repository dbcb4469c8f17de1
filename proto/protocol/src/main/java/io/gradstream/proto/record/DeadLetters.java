package io.gradstream.proto.record;

import com.google.protobuf.ByteString;
import io.gradstream.proto.message.DeadLetter;
import io.gradstream.proto.message.GradientShard;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/** Writes dead letters: the refused record, where it lay, and why. */
public final class DeadLetters {
  /** Largest part of a refused record in its letter, which must still fit a stock broker. */
  private static final int MAX_RECORD_BYTES = 1_000_000;

  /** Longest reason or name in a letter; the sender of a record may have chosen it. */
  private static final int MAX_CHARACTERS = 500;

  /** Round, slot and shard of a record that does not name them. */
  private static final int UNKNOWN = -1;

  private DeadLetters() {}

  /** The key: the source. */
  public static byte[] key(TopicPartition from) {
    return from.topic().getBytes(StandardCharsets.UTF_8);
  }

  public static DeadLetter of(
      TopicPartition from, long offset, String reason, byte @Nullable [] record) {
    return letter(from, offset, reason, record)
        .setRound(UNKNOWN)
        .setSlot(UNKNOWN)
        .setShard(UNKNOWN)
        .build();
  }

  /**
   * The letter of a gradient, with the worker, round, slot and shard that it names, if its header
   * could be read.
   */
  public static DeadLetter ofGradient(
      TopicPartition from, long offset, String reason, byte @Nullable [] record) {
    return headerOf(record)
        .map(
            said ->
                letter(from, offset, reason, record)
                    .setWorker(printable(said.getWorker()))
                    .setRound(said.getRound())
                    .setSlot(said.getSlot())
                    .setShard(said.getShard())
                    .build())
        .orElseGet(() -> of(from, offset, reason, record));
  }

  private static DeadLetter.Builder letter(
      TopicPartition from, long offset, String reason, byte @Nullable [] record) {
    final byte[] refused = record == null ? new byte[0] : record;
    return DeadLetter.newBuilder()
        .setTopic(from.topic())
        .setPartition(from.partition())
        .setOffset(offset)
        .setReason(printable(reason))
        .setRecord(ByteString.copyFrom(refused, 0, Math.min(refused.length, MAX_RECORD_BYTES)));
  }

  /**
   * Text that a record may have chosen, fit for a terminal: cut, and without control characters.
   */
  public static String printable(String text) {
    final String cut =
        text.length() <= MAX_CHARACTERS ? text : text.substring(0, MAX_CHARACTERS) + "...";
    return cut.replaceAll("[\\p{Cntrl}\\p{Cf}\\p{Co}\\p{Cs}]", "?");
  }

  private static Optional<GradientShard> headerOf(byte @Nullable [] record) {
    try {
      return Optional.of(
          ValuesRecord.read(record == null ? new byte[0] : record, GradientShard.parser())
              .header());
    } catch (MalformedRecordException e) {
      return Optional.empty();
    }
  }
}
