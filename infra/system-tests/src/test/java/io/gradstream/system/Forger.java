package io.gradstream.system;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.protobuf.ByteString;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.DataType;
import io.gradstream.proto.message.Order;
import io.gradstream.proto.message.UpdateShard;
import io.gradstream.proto.message.WeightShard;
import io.gradstream.proto.record.Keys;
import io.gradstream.proto.run.RoundOrders;
import io.gradstream.proto.run.Run;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.jspecify.annotations.Nullable;

/** Sends records that none of a run's services can have sent. One owner, one thread. */
final class Forger implements AutoCloseable {
  private static final long FAR_AHEAD = 50;

  private final Run run;
  private final KafkaProducer<byte[], byte[]> producer;

  Forger(Run run) {
    this.run = run;
    this.producer = new KafkaProducer<>(run.connection().producer());
  }

  /** To every partition, since each may be another worker's. */
  void sendOrders() throws ExecutionException, InterruptedException {
    for (int partition = 0; partition < run.orderPartitions(); partition++) {
      final String topic = run.topics().orders(0);
      send(topic, partition, null);
      send(topic, partition, "certainly not an order".getBytes(UTF_8));
      send(topic, partition, Order.newBuilder().setRound(1_000_000).build().toByteArray());
      send(topic, partition, Order.newBuilder().setTask(1).build().toByteArray());
      send(
          topic, partition, Order.newBuilder().setMicroBatch(Long.MIN_VALUE).build().toByteArray());
      // One that could be, long before its time.
      send(topic, partition, new RoundOrders(run.spec()).of(FAR_AHEAD, 0, 0, 0).toByteArray());
    }
  }

  void sendUpdates() throws ExecutionException, InterruptedException {
    for (final Shard shard : run.manifest().shards()) {
      final String topic = run.topics().updates();
      send(topic, shard.partition(), null);
      send(topic, shard.partition(), "certainly not an update".getBytes(UTF_8));
      for (long round = 4; round < run.spec().rounds(); round++) {
        send(
            topic,
            shard.partition(),
            UpdateShard.newBuilder()
                .setRound(round)
                .setShard(shard.index())
                .setManifest(run.manifest().hash())
                .setType(DataType.FLOAT32)
                .setValues(ByteString.copyFrom(new byte[shard.length() * Float.BYTES]))
                .build()
                .toByteArray());
      }
    }
  }

  /** So many that whoever begins to read near the end sees nothing else. */
  void sendWeights() throws ExecutionException, InterruptedException {
    for (final Shard shard : run.manifest().shards()) {
      final String topic = run.topics().weights();
      send(topic, shard.partition(), null);
      send(topic, shard.partition(), "certainly no weights".getBytes(UTF_8));
      for (final long version : new long[] {1L << 62, 999_999, 57, 58, 59, 60, -1}) {
        send(
            topic,
            shard.partition(),
            WeightShard.newBuilder()
                .setVersion(version)
                .setShard(shard.index())
                .setManifest(run.manifest().hash())
                .setType(DataType.FLOAT32)
                .setValues(ByteString.copyFrom(new byte[shard.length() * Float.BYTES]))
                .build()
                .toByteArray());
      }
    }
  }

  private void send(String topic, int partition, byte @Nullable [] value)
      throws ExecutionException, InterruptedException {
    producer.send(new ProducerRecord<>(topic, partition, Keys.shard(0), value)).get();
  }

  @Override
  public void close() {
    producer.close();
  }
}
