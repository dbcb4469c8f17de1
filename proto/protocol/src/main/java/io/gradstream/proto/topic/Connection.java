package io.gradstream.proto.topic;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.CommonClientConfigs;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * How a process reaches the brokers, and what its clients are set to for records of about a
 * megabyte.
 *
 * @param bootstrap {@code host:port}, several separated by commas
 * @param properties Kafka client properties that every client gets, such as security settings
 */
public record Connection(String bootstrap, Map<String, Object> properties) {
  /**
   * How long to wait for a send: longer than a producer tries by default. It times that by the wall
   * clock, which may be set back meanwhile.
   */
  public static final Duration SEND_LIMIT = Duration.ofMinutes(3);

  private static final int MEBIBYTE = 1024 * 1024;

  public Connection {
    properties = Map.copyOf(properties);
  }

  public static Connection to(String bootstrap) {
    return new Connection(bootstrap, Map.of());
  }

  /** The address alone: properties may be secrets. */
  @Override
  public String toString() {
    return bootstrap;
  }

  /** Settings that every client of this process shares. */
  public Map<String, Object> client() {
    final var config = new HashMap<>(properties);
    config.put(CommonClientConfigs.BOOTSTRAP_SERVERS_CONFIG, bootstrap);
    return config;
  }

  /** An administration client; the caller closes it. */
  public Admin admin() {
    return Admin.create(client());
  }

  /**
   * Settings of producers: every record acknowledged by all in-sync replicas and written once, sent
   * at once, in batches that hold a whole shard. Float noise does not compress.
   */
  public Map<String, Object> producer() {
    final Map<String, Object> config = client();
    config.putAll(producerSettings());
    config.put(ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG, ByteArraySerializer.class);
    config.put(ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG, ByteArraySerializer.class);
    return config;
  }

  /** The producer's settings without serializers, as Kafka Streams wants them. */
  public static Map<String, Object> producerSettings() {
    return Map.of(
        ProducerConfig.ACKS_CONFIG,
        "all",
        ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG,
        true,
        ProducerConfig.LINGER_MS_CONFIG,
        0,
        ProducerConfig.BATCH_SIZE_CONFIG,
        MEBIBYTE,
        ProducerConfig.BUFFER_MEMORY_CONFIG,
        64L * MEBIBYTE,
        ProducerConfig.COMPRESSION_TYPE_CONFIG,
        "none");
  }

  /** Settings of consumers that are assigned their partitions; committed records only. */
  public Map<String, Object> consumer() {
    final Map<String, Object> config = client();
    config.putAll(consumerSettings());
    config.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
    config.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
    config.put(ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG, ByteArrayDeserializer.class);
    config.put(ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG, ByteArrayDeserializer.class);
    return config;
  }

  /**
   * Fetch sizes for records of about a megabyte; and what a transaction took back is read by
   * nobody, so that services and auditors see the same records.
   */
  public static Map<String, Object> consumerSettings() {
    return Map.of(
        ConsumerConfig.ISOLATION_LEVEL_CONFIG,
        "read_committed",
        ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG,
        16 * MEBIBYTE,
        ConsumerConfig.RECEIVE_BUFFER_CONFIG,
        4 * MEBIBYTE,
        ConsumerConfig.FETCH_MIN_BYTES_CONFIG,
        1);
  }
}
