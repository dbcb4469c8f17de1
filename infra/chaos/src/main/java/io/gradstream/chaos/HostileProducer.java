package io.gradstream.chaos;

import com.google.protobuf.ByteString;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.log.LogReader;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.GradientShard;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.record.Keys;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.run.RoundOrders;
import io.gradstream.proto.run.Run;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;

/**
 * A producer that may write gradients, and writes records that no worker would.
 *
 * <p>A bad record names a slot of the open round, as far as the log shows it, so that an arbitrator
 * that took the record in would have a wrong sum. One thread.
 */
public final class HostileProducer implements AutoCloseable {
  /** Enough to hold some of the run's own verdicts behind all hostile ones of one sending. */
  private static final long RECENT_RECORDS = 300;

  /** A value far larger than any in a gradient, yet with a square that float32 can hold. */
  static final float ABSURD = 1e9f;

  private static final String NAME = "hostile";

  private final Run run;
  private final Random random;
  private final KafkaProducer<byte[], byte[]> producer;
  private final LogReader log;
  private final RoundOrders orders;

  public HostileProducer(Run run, long seed) {
    this.run = run;
    this.random = new Random(seed);
    this.producer = new KafkaProducer<>(run.connection().producer());
    this.log = new LogReader(run.connection(), run.spec().run() + "." + NAME);
    this.orders = new RoundOrders(run.spec());
  }

  /** Sends a bad record and waits until the brokers have it. */
  public void send(BadRecord kind) {
    final int task = random.nextInt(run.manifest().tasks().size());
    final Shard shard = shardOf(task);
    send(task, shard, make(kind, task, shard));
  }

  /** Sends a gradient that is on the log once more, if there is one. */
  public void repeat() {
    final int task = random.nextInt(run.manifest().tasks().size());
    final Shard shard = shardOf(task);
    final var partition = new TopicPartition(run.topics().gradients(task), shard.partition());
    final long end = log.end(partition);
    if (end > 0) {
      final long offset = Math.max(0, end - 1 - random.nextInt(20));
      log.read(partition, offset, offset + 1, record -> send(task, shard, record.bytes()));
    }
  }

  /** One that the task touches; none of buffers, whose norms nobody looks at. */
  private Shard shardOf(int task) {
    final var touched =
        run.manifest().shards().stream()
            .filter(shard -> run.manifest().touches(task, shard) && !shard.buffer())
            .toList();
    return touched.get(random.nextInt(touched.size()));
  }

  private void send(int task, Shard shard, byte[] value) {
    try {
      producer
          .send(
              new ProducerRecord<>(
                  run.topics().gradients(task),
                  shard.partition(),
                  Keys.shard(shard.index()),
                  value))
          .get();
    } catch (ExecutionException e) {
      throw new KafkaException("a hostile record could not be sent", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while sending", e);
    }
  }

  private byte[] make(BadRecord kind, int task, Shard shard) {
    final Verdict last = lastVerdict();
    final long round = last.getManifest() == 0 ? 0 : last.getRound() + 1;
    final var header =
        RoundOrders.answer(orders.of(round, task, random.nextInt(run.slots().of(task)), 0))
            .setNonce(last.getNonce())
            .setShard(shard.index())
            .setManifest(run.manifest().hash())
            .setWorker(NAME)
            .setSamples(1)
            .setLoss(1)
            .setDigest(Digests.UNKNOWN)
            .setType(ValuesRecord.typeOf(run.spec().transport().valueType()));
    final int width = run.spec().transport().valueType().bytes();
    byte[] values = new byte[shard.length() * width];
    switch (kind) {
      case NOT_PROTOBUF -> {
        return "certainly not a gradient".getBytes(StandardCharsets.UTF_8);
      }
      case TRUNCATED -> {
        final byte[] whole = record(task, header, values);
        return Arrays.copyOf(whole, whole.length - width);
      }
      case OTHER_MANIFEST -> header.setManifest(~run.manifest().hash());
      case OTHER_LENGTH -> values = new byte[values.length + width];
      case UNKNOWN_TYPE -> header.setTypeValue(77);
      case SLOT_OUT_OF_RANGE -> header.setSlot(run.slots().of(task));
      case SHARD_OUT_OF_RANGE -> header.setShard(run.manifest().shards().size());
      case FUTURE_ROUND ->
          header.mergeFrom(
              RoundOrders.answer(orders.of(round + 2, task, header.getSlot(), 0)).build());
      case NOT_A_NUMBER -> put(values, Float.NaN);
      case INFINITE -> put(values, Float.POSITIVE_INFINITY);
      case ABSURD_NORM -> put(values, ABSURD);
    }
    return record(task, header, values);
  }

  /**
   * The newest verdict that the run can have, or an empty one: the campaign sends others, too,
   * which are of no round that is near.
   */
  private Verdict lastVerdict() {
    final var verdicts =
        new TopicPartition(run.topics().verdicts(), run.manifest().shard(0).partition());
    final long end = log.end(verdicts);
    final Verdict[] last = {Verdict.getDefaultInstance()};
    log.read(
        verdicts,
        Math.max(0, end - RECENT_RECORDS),
        end,
        record -> {
          final Verdict verdict = parse(record);
          final boolean first = last[0].getManifest() == 0;
          if (verdict.getManifest() == run.manifest().hash()
              && verdict.getRun().equals(run.description().digest())
              && (first || verdict.getRound() == last[0].getRound() + 1)) {
            last[0] = verdict;
          }
        });
    return last[0];
  }

  private static Verdict parse(LogRecord record) {
    try {
      final byte[] value = record.value();
      return Verdict.parseFrom(value == null ? new byte[0] : value);
    } catch (IOException e) {
      return Verdict.getDefaultInstance();
    }
  }

  /** Overwrites the last value; bfloat16 is the upper half of a float32. */
  private void put(byte[] values, float value) {
    final var bytes = ByteBuffer.wrap(values).order(ByteOrder.LITTLE_ENDIAN);
    final int bits = Float.floatToRawIntBits(value);
    if (run.spec().transport().valueType().bytes() == Float.BYTES) {
      bytes.putInt(values.length - Integer.BYTES, bits);
    } else {
      bytes.putShort(values.length - Short.BYTES, (short) (bits >>> 16));
    }
  }

  /** A record with the right digest of its bytes, so that it is refused for its other fault. */
  private byte[] record(int task, GradientShard.Builder header, byte[] values) {
    final ByteString digest =
        Digests.of(
            run.description().digest(),
            run.topics().nameOf(task),
            header.build(),
            MemorySegment.ofArray(values));
    return header.setDigest(digest).setValues(ByteString.copyFrom(values)).build().toByteArray();
  }

  @Override
  public void close() {
    producer.close();
    log.close();
  }
}
