package io.gradstream.arbitrator.topology;

import com.google.protobuf.ByteString;
import io.gradstream.proto.message.DeadLetter;
import io.gradstream.proto.message.GradientShard;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.streams.processor.api.Record;
import org.jspecify.annotations.Nullable;

/** Writes dead letters: the refused record, where it lay, why, and what it said of itself. */
final class Letters {
  /** So much of a refused record goes into its letter, which then still fits a stock broker. */
  private static final int MAX_RECORD_BYTES = 1_000_000;

  private Letters() {}

  static Record<byte[], byte[]> of(
      TopicPartition from, long offset, String reason, byte @Nullable [] record, long now) {
    final byte[] refused = record == null ? new byte[0] : record;
    final var letter =
        DeadLetter.newBuilder()
            .setTopic(from.topic())
            .setPartition(from.partition())
            .setOffset(offset)
            .setReason(reason)
            .setRecord(ByteString.copyFrom(refused, 0, Math.min(refused.length, MAX_RECORD_BYTES)));
    try {
      final GradientShard said = ValuesRecord.read(refused, GradientShard.parser()).header();
      letter
          .setWorker(said.getWorker())
          .setRound(said.getRound())
          .setSlot(said.getSlot())
          .setShard(said.getShard());
    } catch (MalformedRecordException e) {
      // A record that cannot be read says nothing of itself.
      letter.setRound(-1).setSlot(-1).setShard(-1);
    }
    return new Record<>(
        from.topic().getBytes(StandardCharsets.UTF_8), letter.build().toByteArray(), now);
  }
}
