package io.gradstream.submission;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.gradstream.producer.model.ModelFile;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.DataType;
import io.gradstream.proto.message.UpdateShard;
import io.gradstream.proto.record.Keys;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.run.RunFiles;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;

/** The records that a run's topics begin with. */
final class InitialRecords {
  private InitialRecords() {}

  /**
   * Weights version 0, shard by shard.
   *
   * @param weights the flat vector
   */
  static Stream<ProducerRecord<byte[], byte[]>> initialWeights(
      RunDescription run, MemorySegment weights) {
    return run.manifest().shards().stream()
        .map(
            shard ->
                new ProducerRecord<>(
                    run.topics().updates(),
                    shard.partition(),
                    Keys.shard(shard.index()),
                    initial(run, shard, weights)));
  }

  /** The model's file, chunk by chunk; nothing where the model has none. */
  static Stream<ProducerRecord<byte[], byte[]>> file(RunDescription run, ModelFile file) {
    return RunFiles.chunks(file.content()).stream()
        .map(
            chunk ->
                new ProducerRecord<>(run.topics().spec(), 0, file.name().getBytes(UTF_8), chunk));
  }

  private static byte[] initial(RunDescription run, Shard shard, MemorySegment weights) {
    final UpdateShard header =
        UpdateShard.newBuilder()
            .setShard(shard.index())
            .setManifest(run.manifest().hash())
            .setInitial(true)
            .setType(DataType.FLOAT32)
            .setVerdict(run.digest())
            .setDigest(Digests.UNKNOWN)
            .build();
    final int bytes = shard.length() * Float.BYTES;
    final byte[] record = ValuesRecord.allocate(header, bytes);
    final MemorySegment values = ValuesRecord.valuesOf(record, bytes);
    MemorySegment.copy(weights, shard.offset() * Float.BYTES, values, 0, bytes);
    Digests.seal(record, header, values);
    return record;
  }

  /**
   * Publishes the records, and when all are acknowledged the run's own on the spec topic.
   *
   * @param beforeTheLast called before the run's own record, which an exception keeps back
   */
  static void publish(
      Run run, Stream<ProducerRecord<byte[], byte[]>> first, Runnable beforeTheLast) {
    try (var producer = new KafkaProducer<byte[], byte[]>(run.connection().producer())) {
      final var sent = new ArrayList<Future<RecordMetadata>>();
      first.forEach(record -> sent.add(producer.send(record)));
      for (final var record : sent) {
        record.get();
      }
      beforeTheLast.run();
      producer
          .send(
              new ProducerRecord<>(
                  run.topics().spec(),
                  0,
                  run.spec().run().getBytes(UTF_8),
                  run.description().record().toByteArray()))
          .get();
    } catch (ExecutionException e) {
      throw new KafkaException("could not publish run " + run.spec().run(), e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while submitting", e);
    }
  }
}
