package io.gradstream.proto.streams;

import io.gradstream.proto.run.Run;
import io.gradstream.proto.spec.Transport;
import io.gradstream.proto.topic.Connection;
import java.nio.file.Path;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.StreamsConfig;

/** The settings of Kafka Streams that the arbitrator and the parameter server share. */
public final class StreamsSettings {
  /**
   * Records that Kafka Streams buffers per partition. A record has up to a megabyte, so the default
   * of 1000 would buffer a gigabyte per partition.
   */
  private static final int BUFFERED_RECORDS = 8;

  /**
   * How long an instance may be silent before the others take its partitions. This is the shortest
   * time that a broker with default settings allows. It can be short, because an instance that
   * restarts under its name gets its partitions back anyway, and the run stands still until an
   * instance that is gone for good has been replaced.
   */
  private static final int SESSION_TIMEOUT_MS = 6_000;

  private static final int HEARTBEAT_MS = 1_500;

  private StreamsSettings() {}

  /**
   * @param application name of the Kafka Streams application
   * @param instance unique among the application's instances, and the same after a restart, so that
   *     a restarted instance takes its place at once
   * @param stateDir where Kafka Streams keeps its bookkeeping; one per instance
   */
  public static Properties of(Run run, String application, String instance, Path stateDir) {
    final Transport transport = run.spec().transport();
    final var config = new Properties();
    config.putAll(run.connection().client());
    config.put(StreamsConfig.APPLICATION_ID_CONFIG, application);
    config.put(StreamsConfig.STATE_DIR_CONFIG, stateDir.toString());
    config.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
    config.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
    config.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, transport.replication());
    config.put(StreamsConfig.NUM_STANDBY_REPLICAS_CONFIG, transport.standbyReplicas());
    config.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, transport.commitMs());
    config.put(
        StreamsConfig.PROCESSING_GUARANTEE_CONFIG,
        switch (transport.processing()) {
          case AT_LEAST_ONCE -> StreamsConfig.AT_LEAST_ONCE;
          case EXACTLY_ONCE_V2 -> StreamsConfig.EXACTLY_ONCE_V2;
        });
    config.put(
        StreamsConfig.NUM_STREAM_THREADS_CONFIG,
        Math.min(transport.partitions(), Runtime.getRuntime().availableProcessors()));
    config.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, BUFFERED_RECORDS);
    config.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
    // No result depends on the order between topics, so Streams need not wait for the records of
    // one.
    config.put(StreamsConfig.MAX_TASK_IDLE_MS_CONFIG, -1);
    forEach(Connection.producerSettings(), StreamsConfig.PRODUCER_PREFIX, config);
    forEach(Connection.consumerSettings(), StreamsConfig.CONSUMER_PREFIX, config);
    config.put(StreamsConfig.mainConsumerPrefix(ConsumerConfig.GROUP_INSTANCE_ID_CONFIG), instance);
    config.put(
        StreamsConfig.mainConsumerPrefix(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG),
        SESSION_TIMEOUT_MS);
    config.put(
        StreamsConfig.mainConsumerPrefix(ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG),
        HEARTBEAT_MS);
    config.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
    return config;
  }

  private static void forEach(Map<String, Object> settings, String prefix, Properties config) {
    settings.forEach((name, value) -> config.put(prefix + name, value));
  }
}
