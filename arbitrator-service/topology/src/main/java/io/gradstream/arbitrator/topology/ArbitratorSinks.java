package io.gradstream.arbitrator.topology;

import com.google.protobuf.MessageLite;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.DeadLetter;
import io.gradstream.proto.message.Metric;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.record.DeadLetters;
import io.gradstream.proto.record.Keys;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Publishes a partition's records, each kind through a sink of its own. */
final class ArbitratorSinks {
  static final String STATISTICS = "to-statistics";
  static final String VERDICTS = "to-verdicts";
  static final String UPDATES = "to-updates";
  static final String METRICS = "to-metrics";
  static final String REFUSED_RECORDS = "refused-records-to-dead-letters";
  static final String REFUSED_STATISTICS = "refused-statistics-to-dead-letters";

  private static final Logger LOG = LoggerFactory.getLogger(ArbitratorSinks.class);

  private final ProcessorContext<byte[], byte[]> context;

  ArbitratorSinks(ProcessorContext<byte[], byte[]> context) {
    this.context = context;
  }

  void statistics(ShardStatistics statistics) {
    forward(Keys.round(statistics.getRound()), statistics, STATISTICS);
  }

  void update(Shard shard, byte[] update) {
    forward(Keys.shard(shard.index()), update, UPDATES);
  }

  void waiting(Metric.Waiting waiting) {
    metric("waiting", Metric.newBuilder().setWaiting(waiting));
  }

  void refused(Metric.Refused refused) {
    metric("refused", Metric.newBuilder().setRefused(refused));
  }

  private void metric(String name, Metric.Builder metric) {
    metric.setName(name).setTimeMs(context.currentSystemTimeMs());
    forward(name.getBytes(StandardCharsets.UTF_8), metric.build(), METRICS);
  }

  /** Sends a record that must not be taken in to the dead letters. */
  DeadLetter refuse(TopicPartition from, long offset, byte @Nullable [] value, String reason) {
    LOG.warn(
        "the arbitrator refuses {} at offset {}: {}", from, offset, DeadLetters.printable(reason));
    final DeadLetter letter = DeadLetters.ofGradient(from, offset, reason, value);
    forward(DeadLetters.key(from), letter, REFUSED_RECORDS);
    return letter;
  }

  private void forward(byte[] key, MessageLite value, String sink) {
    forward(key, value.toByteArray(), sink);
  }

  private void forward(byte[] key, byte[] value, String sink) {
    context.forward(new Record<>(key, value, context.currentSystemTimeMs()), sink);
  }
}
