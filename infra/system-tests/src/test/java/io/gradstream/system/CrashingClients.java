package io.gradstream.system;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.KafkaClientSupplier;

/**
 * Clients of a Kafka Streams application that dies once, at a chosen point of a commit.
 *
 * <p>A task commits in this order: its store writes the changelog, the producer is flushed, the
 * offsets are committed. An {@link Error} from the consumer ends the stream thread without another
 * write, as a crash would. One stream thread.
 */
final class CrashingClients implements KafkaClientSupplier {
  /** Where the application dies. */
  enum Point {
    /** Everything is flushed, the offsets are not committed. */
    AFTER_FLUSH,
    /** The changelog is flushed, everything sent since the last commit is lost. */
    AMID_FLUSH,
    /** Offsets are committed, and more records have been processed but not flushed. */
    AFTER_COMMIT,
    /** In the middle of a round's records: the second shard cannot be sent, and the task fails. */
    AMID_ROUND,
    /** Whenever the test says so. */
    WHEN_TOLD
  }

  private static final int COMMITS_BEFORE = 2;
  private static final int POLLS_AFTER_COMMIT = 3;

  private final Point point;
  private int commits;
  private int polls;
  private int shards;
  private volatile boolean told;
  private volatile boolean crashed;

  CrashingClients(Point point) {
    this.point = point;
  }

  /** Whether the point was reached. */
  boolean crashed() {
    return crashed;
  }

  /** Dies at the next poll; what its tasks want to write on the way out is lost, as by a kill. */
  void die() {
    told = true;
  }

  private void crash() {
    crashed = true;
    throw new AssertionError("crashed " + point);
  }

  @Override
  public Consumer<byte[], byte[]> getConsumer(Map<String, Object> config) {
    return new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer()) {
      @Override
      public void commitSync(Map<TopicPartition, OffsetAndMetadata> offsets) {
        final boolean amid = point == Point.AFTER_FLUSH || point == Point.AMID_FLUSH;
        if (!crashed && amid && commits >= COMMITS_BEFORE) {
          crash();
        }
        super.commitSync(offsets);
        commits++;
      }

      @Override
      public ConsumerRecords<byte[], byte[]> poll(Duration timeout) {
        if (!crashed && told) {
          crash();
        }
        final ConsumerRecords<byte[], byte[]> records = super.poll(timeout);
        if (!crashed && commits >= COMMITS_BEFORE && !records.isEmpty()) {
          polls++;
          if (point == Point.AFTER_COMMIT && polls > POLLS_AFTER_COMMIT) {
            crash();
          }
        }
        return records;
      }
    };
  }

  @Override
  public Producer<byte[], byte[]> getProducer(Map<String, Object> config) {
    return new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer()) {
      @Override
      public Future<RecordMetadata> send(ProducerRecord<byte[], byte[]> record, Callback callback) {
        final boolean amid =
            point == Point.AMID_FLUSH
                && commits >= COMMITS_BEFORE
                && !record.topic().endsWith("-changelog");
        if (amid || told) {
          return new CompletableFuture<>();
        }
        if (!crashed && point == Point.AMID_ROUND && commits >= COMMITS_BEFORE && isShard(record)) {
          shards++;
          if (shards == 2) {
            crashed = true;
            throw new KafkaException("crashed " + point);
          }
        }
        return super.send(record, callback);
      }
    };
  }

  private static boolean isShard(ProducerRecord<byte[], byte[]> record) {
    return record.topic().endsWith(".updates") || record.topic().endsWith(".weights");
  }

  @Override
  public Admin getAdmin(Map<String, Object> config) {
    return Admin.create(config);
  }

  @Override
  public Consumer<byte[], byte[]> getRestoreConsumer(Map<String, Object> config) {
    return new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }

  @Override
  public Consumer<byte[], byte[]> getGlobalConsumer(Map<String, Object> config) {
    return getRestoreConsumer(config);
  }
}
