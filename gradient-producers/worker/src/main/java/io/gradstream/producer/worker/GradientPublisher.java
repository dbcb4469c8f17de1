package io.gradstream.producer.worker;

import com.google.protobuf.ByteString;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.evidence.Signer;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.Order;
import io.gradstream.proto.record.Keys;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.run.RoundOrders;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.topic.Connection;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.jspecify.annotations.Nullable;

/**
 * Publishes a slot's gradient shard by shard.
 *
 * <p>A shard is on its way while the next is copied: one exact byte array each, one copy. Once the
 * call returns the gradient's memory is free for the next slot. Thread-safe.
 */
final class GradientPublisher {
  private final Run run;
  private final Kernels kernels;
  private final Producer<byte[], byte[]> producer;
  private final ByteString runDigest;
  private final @Nullable Signer signer;

  GradientPublisher(
      Run run, Kernels kernels, Producer<byte[], byte[]> producer, @Nullable Signer signer) {
    this.run = run;
    this.kernels = kernels;
    this.producer = producer;
    this.runDigest = run.description().digest();
    this.signer = signer;
  }

  /**
   * What a worker says of a slot beside its values.
   *
   * @param fingerprint of the arithmetic that it was computed with
   * @param device that it was computed on
   * @param taskLosses on the pseudo-task, the raw loss of each task; else nothing
   * @param batchDigest of the samples; empty where they are not known
   */
  record Result(
      String worker,
      long fingerprint,
      String device,
      int samples,
      double loss,
      List<Double> taskLosses,
      long computeMicros,
      ByteString batchDigest) {}

  /** A slot's gradient on its way to the brokers. */
  record Publication(Order order, List<Future<RecordMetadata>> shards) {
    Publication {
      shards = List.copyOf(shards);
    }

    /**
     * Waits until the brokers have all of it.
     *
     * @throws ExecutionException when they refused a shard
     * @throws TimeoutException when they did not answer for so long that nothing is to be expected
     */
    void await() throws ExecutionException, TimeoutException, InterruptedException {
      for (final Future<RecordMetadata> shard : shards) {
        shard.get(Connection.SEND_LIMIT.toNanos(), TimeUnit.NANOSECONDS);
      }
    }
  }

  /**
   * Sends the shards that the order's task touches; waits only where the producer's buffer is full.
   *
   * @param gradient the flat float32 gradient
   */
  Publication publish(Order order, Result result, MemorySegment gradient) {
    final ValueType type = run.spec().transport().valueType();
    final String topic = run.topics().gradients(order.getTask());
    final List<Future<RecordMetadata>> sent = new ArrayList<>();
    for (final Shard shard : run.manifest().shards()) {
      if (run.manifest().touches(order.getTask(), shard)) {
        final byte[] record = recordOf(order, result, gradient, shard, shard.travelsAs(type));
        sent.add(
            producer.send(
                new ProducerRecord<>(topic, shard.partition(), Keys.shard(shard.index()), record)));
      }
    }
    return new Publication(order, sent);
  }

  private byte[] recordOf(
      Order order, Result result, MemorySegment gradient, Shard shard, ValueType type) {
    final var header =
        RoundOrders.answer(order)
            .setShard(shard.index())
            .setManifest(run.manifest().hash())
            .setWorker(result.worker())
            .setSamples(result.samples())
            .setLoss(result.loss())
            .setType(ValuesRecord.typeOf(type))
            .setComputeUs(result.computeMicros())
            .addAllTaskLosses(result.taskLosses())
            .setFingerprint(result.fingerprint())
            .setBatchDigest(result.batchDigest())
            .setDevice(result.device())
            .setDigest(Digests.UNKNOWN)
            .setSignature(signer == null ? ByteString.EMPTY : Signer.UNKNOWN)
            .build();
    final int bytes = shard.length() * type.bytes();
    final byte[] record = ValuesRecord.allocate(header, bytes);
    final MemorySegment values = ValuesRecord.valuesOf(record, bytes);
    kernels.convert(
        values,
        type,
        gradient.asSlice(shard.offset() * Float.BYTES, (long) shard.length() * Float.BYTES),
        ValueType.FLOAT32,
        shard.length());
    final ByteString digest =
        Digests.of(runDigest, run.topics().nameOf(order.getTask()), header, values);
    ValuesRecord.replaceHeader(
        record, header.toBuilder().setDigest(digest).setSignature(sign(digest)).build());
    return record;
  }

  private ByteString sign(ByteString digest) {
    return signer == null ? ByteString.EMPTY : signer.sign(digest);
  }
}
