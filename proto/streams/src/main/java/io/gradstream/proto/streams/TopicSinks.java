package io.gradstream.proto.streams;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.message.DeadLetter;
import io.gradstream.proto.message.Metric;
import io.gradstream.proto.message.Order;
import io.gradstream.proto.message.WeightSeal;
import io.gradstream.proto.record.DeadLetters;
import io.gradstream.proto.record.Keys;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.topic.TopicKind;
import io.gradstream.proto.topic.Topics;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.StreamPartitioner;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Publishes a processor's records, each through the sink of its topic.
 *
 * <p>A processor has a sink for every topic that its service writes, as {@link TopicKind} declares.
 * Two processors share none, since a shared sink would join their sub-topologies into one. One
 * owner, on the processor's thread.
 */
public final class TopicSinks {
  private static final Logger LOG = LoggerFactory.getLogger(TopicSinks.class);

  private final Topics topics;
  private final TopicKind.Writer writer;
  private final String processor;
  private final ProcessorContext<byte[], byte[]> context;

  /**
   * @param processor the name that the topology gave the processor whose context this is
   */
  public TopicSinks(
      Topics topics,
      TopicKind.Writer writer,
      String processor,
      ProcessorContext<byte[], byte[]> context) {
    this.topics = topics;
    this.writer = writer;
    this.processor = processor;
    this.context = context;
  }

  /** Gives a processor of a topology its sinks. */
  public static void add(
      Topology topology, RunDescription run, TopicKind.Writer writer, String processor) {
    for (final TopicKind kind : TopicKind.writtenBy(writer)) {
      for (final String topic : run.topicsOf(kind)) {
        topology.addSink(
            sink(processor, topic), topic, partitioner(kind, run.manifest()), processor);
      }
    }
  }

  private static String sink(String processor, String topic) {
    return processor + "-to-" + topic;
  }

  /** Publishes a record on the topic of a kind of which a run has one. */
  public void send(TopicKind kind, byte[] key, byte[] value) {
    forward(kind.of(topics.run()), key, value);
  }

  /** Publishes a message on the topic of a kind of which a run has one. */
  public void send(TopicKind kind, byte[] key, MessageLite message) {
    send(kind, key, message.toByteArray());
  }

  /** Publishes a message on the topic that a task, or the sum, has of a kind. */
  public void send(TopicKind kind, int task, byte[] key, MessageLite message) {
    forward(topics.of(kind, task), key, message.toByteArray());
  }

  /** Publishes a metric, with the time. */
  public void metric(String name, Metric.Builder metric) {
    metric.setName(name).setTimeMs(context.currentSystemTimeMs());
    send(TopicKind.METRICS, name.getBytes(StandardCharsets.UTF_8), metric.build());
  }

  /** Sends a record that must not be taken in to the dead letters. */
  public DeadLetter refuse(
      TopicPartition from, long offset, byte @Nullable [] record, String reason) {
    LOG.warn(
        "the {} refuses {} at offset {}: {}", writer, from, offset, DeadLetters.printable(reason));
    final DeadLetter letter =
        topics.taskOfGradients(from.topic()) >= 0
            ? DeadLetters.ofGradient(from, offset, reason, record)
            : DeadLetters.of(from, offset, reason, record);
    send(TopicKind.DEAD_LETTERS, DeadLetters.key(from), letter);
    return letter;
  }

  private void forward(String topic, byte[] key, byte[] value) {
    context.forward(
        new Record<>(key, value, context.currentSystemTimeMs()), sink(processor, topic));
  }

  @SuppressWarnings("removal") // the only method that must be given; the newer one calls it
  static StreamPartitioner<byte[], byte[]> partitioner(TopicKind kind, Manifest manifest) {
    return (topic, key, value, partitions) ->
        Optional.of(
            switch (kind.partitions()) {
              case ONE -> Set.of(0);
              case SHARDS -> Set.of(ofShard(manifest, key, value));
              case COPIES -> IntStream.range(0, partitions).boxed().collect(Collectors.toSet());
              case SLOTS -> Set.of(Math.floorMod(slotAndAttempt(value), partitions));
            });
  }

  /** A seal travels with the shards that it seals. */
  private static int ofShard(Manifest manifest, byte[] key, byte[] value) {
    if (!Arrays.equals(key, Keys.seal())) {
      return manifest.shard(ByteBuffer.wrap(key).getInt()).partition();
    }
    try {
      return WeightSeal.parseFrom(value).getPartition();
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException("the service's own seal cannot be read", e);
    }
  }

  /**
   * Orders are spread by their slots. One that is given again goes to another partition: that of
   * the first may be held by a worker that hangs.
   */
  private static int slotAndAttempt(byte[] order) {
    try {
      final Order parsed = Order.parseFrom(order);
      return parsed.getSlot() + parsed.getAttempt();
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException("the service's own order cannot be read", e);
    }
  }
}
