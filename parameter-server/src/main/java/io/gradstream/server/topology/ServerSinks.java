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

/** Publishes a partition's records, each kind through a sink of its own. */
final class ServerSinks {
  static final String WEIGHTS = "to-weights";
  static final String SEALS = "to-weight-seals";
  static final String DEAD_LETTERS = "to-dead-letters";

  private static final Logger LOG = LoggerFactory.getLogger(ServerSinks.class);

  private final ProcessorContext<byte[], byte[]> context;

  ServerSinks(ProcessorContext<byte[], byte[]> context) {
    this.context = context;
  }

  void weights(Shard shard, byte[] record) {
    forward(Keys.shard(shard.index()), record, WEIGHTS);
  }

  void seal(WeightSeal seal) {
    forward(Keys.seal(), seal.toByteArray(), SEALS);
  }

  void order(Order order) {
    forward(Keys.shard(order.getSlot()), order.toByteArray(), orders(order.getTask()));
  }

  /** Sends a record that must not be taken in to the dead letters. */
  void refuse(TopicPartition from, long offset, byte @Nullable [] record, String reason) {
    LOG.warn("the parameter server refuses {} at offset {}: {}", from, offset, reason);
    forward(
        DeadLetters.key(from),
        DeadLetters.of(from, offset, reason, record).toByteArray(),
        DEAD_LETTERS);
  }

  /** The name of the sink that a task's orders go through. */
  static String orders(int task) {
    return "to-orders-" + task;
  }

  private void forward(byte[] key, byte[] value, String sink) {
    context.forward(new Record<>(key, value, context.currentSystemTimeMs()), sink);
  }
}
