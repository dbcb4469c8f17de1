package io.gradstream.server.topology;

import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.Order;
import io.gradstream.proto.message.WeightSeal;
import io.gradstream.proto.record.DeadLetters;
import io.gradstream.proto.record.Keys;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Publishes what a partition has to say, each kind of record by its sink. */
final class RecordSinks {
  private static final Logger LOG = LoggerFactory.getLogger(RecordSinks.class);

  private final ProcessorContext<byte[], byte[]> context;

  RecordSinks(ProcessorContext<byte[], byte[]> context) {
    this.context = context;
  }

  void weights(Shard shard, byte[] record) {
    forward(Keys.shard(shard.index()), record, SinkNames.WEIGHTS);
  }

  void seal(WeightSeal seal) {
    forward(Keys.seal(), seal.toByteArray(), SinkNames.SEALS);
  }

  void order(Order order) {
    forward(Keys.shard(order.getSlot()), order.toByteArray(), SinkNames.orders(order.getTask()));
  }

  /** Sends a record that must not be taken in to the dead letters. */
  void refuse(TopicPartition from, long offset, byte @Nullable [] record, String reason) {
    LOG.warn("the parameter server refuses {} at offset {}: {}", from, offset, reason);
    forward(
        DeadLetters.key(from),
        DeadLetters.of(from, offset, reason, record).toByteArray(),
        SinkNames.DEAD_LETTERS);
  }

  private void forward(byte[] key, byte[] value, String sink) {
    context.forward(new Record<>(key, value, context.currentSystemTimeMs()), sink);
  }
}
