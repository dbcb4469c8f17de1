package io.gradstream.proto.streams;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.KafkaClientSupplier;

/**
 * Clients of a Kafka Streams application whose broker once does not take a record of one task, as
 * after {@code delivery.timeout.ms} of an outage. When that shows is up to the {@link Moment}. One
 * stream thread.
 */
final class FaultyClients implements KafkaClientSupplier {
  /** When the other task's lost record shows. */
  enum Moment {
    NEVER,
    /** While a task is in the middle of a record, between two of its own records. */
    BETWEEN_OUTPUTS,
    /** At the flush of a commit, all of whose changelog records are lost as well. */
    AT_FLUSH
  }

  private record Lost(Callback callback) {
    void report() {
      callback.onCompletion(null, new TimeoutException("the broker was away"));
    }
  }

  private final String otherTopic;
  private final String outputs;
  private final Moment moment;
  private final List<Lost> lost = new ArrayList<>();
  private final List<Lost> lostChanges = new ArrayList<>();
  private volatile boolean armed;
  private volatile boolean happened;

  /**
   * @param otherTopic whose next record is lost once {@link #arm armed}
   * @param outputs a task's own records
   */
  FaultyClients(Moment moment, String otherTopic, String outputs) {
    this.moment = moment;
    this.otherTopic = otherTopic;
    this.outputs = outputs;
  }

  void arm() {
    armed = true;
  }

  boolean isLost() {
    synchronized (lost) {
      return !lost.isEmpty();
    }
  }

  boolean happened() {
    return happened;
  }

  private void happen() {
    synchronized (lost) {
      lost.forEach(Lost::report);
    }
    lostChanges.forEach(Lost::report);
    lostChanges.clear();
    happened = true;
  }

  @Override
  public Producer<byte[], byte[]> getProducer(Map<String, Object> config) {
    return new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer()) {
      @Override
      public Future<RecordMetadata> send(ProducerRecord<byte[], byte[]> record, Callback callback) {
        if (armed && !happened) {
          if (record.topic().equals(otherTopic)) {
            synchronized (lost) {
              lost.add(new Lost(callback));
            }
            return new CompletableFuture<>();
          }
          if (moment == Moment.BETWEEN_OUTPUTS && isLost() && record.topic().equals(outputs)) {
            happen();
          } else if (moment == Moment.AT_FLUSH
              && isLost()
              && record.topic().endsWith("-changelog")) {
            lostChanges.add(new Lost(callback));
            return new CompletableFuture<>();
          }
        }
        return super.send(record, callback);
      }

      @Override
      public void flush() {
        super.flush();
        if (!lostChanges.isEmpty()) {
          happen();
        }
      }
    };
  }

  @Override
  public Admin getAdmin(Map<String, Object> config) {
    return Admin.create(config);
  }

  @Override
  public Consumer<byte[], byte[]> getConsumer(Map<String, Object> config) {
    return new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }

  @Override
  public Consumer<byte[], byte[]> getRestoreConsumer(Map<String, Object> config) {
    return getConsumer(config);
  }

  @Override
  public Consumer<byte[], byte[]> getGlobalConsumer(Map<String, Object> config) {
    return getConsumer(config);
  }
}
