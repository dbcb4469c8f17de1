package io.gradstream.system;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.gradstream.embedded.EmbeddedKafka;
import io.gradstream.producer.worker.WeightsReplica;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.DataType;
import io.gradstream.proto.message.WeightSeal;
import io.gradstream.proto.message.WeightShard;
import io.gradstream.proto.record.Keys;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.run.Run;
import io.gradstream.submission.weights.Weights;
import io.gradstream.submission.weights.WeightsReader;
import java.nio.file.Path;
import java.time.Duration;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What workers make of a weights topic that somebody else writes to as well. */
class WeightsReplicaTest {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  @TempDir private Path directory;

  @Test
  void shardsThatForgedVersionsPushedOutAreReadAgain() throws Exception {
    try (var kafka = EmbeddedKafka.start(directory.resolve("kafka"), 0)) {
      final Run run = LiveRun.submit(kafka, directory, "torn").run();
      try (var replica = new WeightsReplica(run, Kernels.scalar());
          var producer = new KafkaProducer<byte[], byte[]>(run.connection().producer())) {
        publish(run, producer, 0);
        await().atMost(PATIENCE).until(() -> replica.version() == 0);

        // The replica reads the shards, then forged ones of two versions, and then the seal.
        sendShards(run, producer, 1, 0);
        assertThat(replica.catchUp(PATIENCE)).isTrue();
        final Shard elsewhere = run.manifest().shardsOf(1).getFirst();
        send(run, producer, elsewhere, shard(run, 20, elsewhere));
        send(run, producer, elsewhere, shard(run, 21, elsewhere));
        assertThat(replica.catchUp(PATIENCE)).isTrue();
        sendSeal(run, producer, 1, 0);
        for (int partition = 1; partition < run.manifest().partitions(); partition++) {
          sendShards(run, producer, 1, partition);
          sendSeal(run, producer, 1, partition);
        }

        await().atMost(PATIENCE).until(() -> replica.version() == 1);
      }
    }
  }

  /** A version ahead of the run would be waited for until the run came there, so for ever. */
  @Test
  void aVersionThatNoVerdictLeadsToIsDroppedAndTheRunsOwnIsFoundAgain() throws Exception {
    try (var kafka = EmbeddedKafka.start(directory.resolve("kafka"), 0)) {
      final Run run = LiveRun.submit(kafka, directory, "ahead").run();
      try (var replica = new WeightsReplica(run, Kernels.scalar());
          var producer = new KafkaProducer<byte[], byte[]>(run.connection().producer())) {
        publish(run, producer, 0);
        publish(run, producer, 20);
        await().atMost(PATIENCE).until(() -> replica.version() == 20);

        assertThat(replica.dropIfForged(20)).isTrue();

        await().atMost(PATIENCE).until(() -> replica.version() == 0);
        assertThat(replica.dropIfForged(0)).isFalse();
        publish(run, producer, 21);
        assertThat(replica.catchUp(PATIENCE)).isTrue();
        assertThat(replica.version()).isZero();
        assertThat(new WeightsReader(run).latest()).map(Weights::version).hasValue(0L);
      }
    }
  }

  private static void publish(Run run, KafkaProducer<byte[], byte[]> producer, long version)
      throws Exception {
    for (int partition = 0; partition < run.manifest().partitions(); partition++) {
      sendShards(run, producer, version, partition);
      sendSeal(run, producer, version, partition);
    }
  }

  private static void sendShards(
      Run run, KafkaProducer<byte[], byte[]> producer, long version, int partition)
      throws Exception {
    for (final Shard shard : run.manifest().shardsOf(partition)) {
      send(run, producer, shard, shard(run, version, shard));
    }
  }

  private static void sendSeal(
      Run run, KafkaProducer<byte[], byte[]> producer, long version, int partition)
      throws Exception {
    final var seal =
        WeightSeal.newBuilder()
            .setVersion(version)
            .setPartition(partition)
            .setManifest(run.manifest().hash());
    for (final Shard shard : run.manifest().shardsOf(partition)) {
      seal.addShardsBuilder()
          .setShard(shard.index())
          .setWeights(
              ValuesRecord.read(shard(run, version, shard), WeightShard.parser())
                  .header()
                  .getDigest());
    }
    final byte[] record =
        seal.setDigest(Digests.of(run.description().digest(), seal.build())).build().toByteArray();
    producer
        .send(new ProducerRecord<>(run.topics().weights(), partition, Keys.seal(), record))
        .get();
  }

  private static void send(
      Run run, KafkaProducer<byte[], byte[]> producer, Shard shard, byte[] record)
      throws Exception {
    producer
        .send(
            new ProducerRecord<>(
                run.topics().weights(), shard.partition(), Keys.shard(shard.index()), record))
        .get();
  }

  private static byte[] shard(Run run, long version, Shard shard) {
    final WeightShard header =
        WeightShard.newBuilder()
            .setVersion(version)
            .setShard(shard.index())
            .setManifest(run.manifest().hash())
            .setType(DataType.FLOAT32)
            .setDigest(Digests.UNKNOWN)
            .build();
    final int bytes = shard.length() * Float.BYTES;
    final byte[] record = ValuesRecord.allocate(header, bytes);
    Digests.seal(record, header, ValuesRecord.valuesOf(record, bytes));
    return record;
  }
}
