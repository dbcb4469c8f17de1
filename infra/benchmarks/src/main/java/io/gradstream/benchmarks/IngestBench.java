package io.gradstream.benchmarks;

import com.google.protobuf.ByteString;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.log.LogReader;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.DataType;
import io.gradstream.proto.message.Order;
import io.gradstream.proto.record.Keys;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.run.RoundOrders;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.submission.Pause;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import javax.management.JMException;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;

/**
 * One round of two tasks whose gradients already lie on the log; the arbitrator takes it in, and so
 * does a plain consumer.
 *
 * <p>Speeds are those between a tenth and nine tenths of the bytes, as the consumers' own counters
 * tell them, so that starting and joining the group do not count.
 */
final class IngestBench {
  private static final String SPEC =
      """
      run: bench-%s
      seed: 1
      rounds: 1
      tasks:
        - {name: red, loss: quadratic}
        - {name: green, loss: quadratic}
      accumulation: {mode: sequential, micro-batches: %d, batch-size: 1}
      model: {type: toy, dimension: %d, own-dimension: 0, tensors: %d}
      resolver: {method: gcond}
      optimizer: {type: sgd, learning-rate: 0.1}
      transport: {partitions: %d, shard-values: %d}
      orders: {timeout-ms: 600000}
      """;

  private static final int TASKS = 2;
  private static final int SHARDS = 8;
  private static final Duration POLL = Duration.ofMillis(200);
  private final int partitions;
  private final int shardValues;

  IngestBench(int partitions, int shardValues) {
    this.partitions = partitions;
    this.shardValues = shardValues;
  }

  /** Bytes of values a second. */
  record Speeds(double arbitrator, double plain) {
    double ratio() {
      return arbitrator / plain;
    }
  }

  /**
   * Both, one after the other, on the same records: the plain consumer before and after, of which
   * the faster counts, since what was just written is read more slowly.
   */
  Speeds run(String name, long bytes) {
    final long slotBytes = (long) TASKS * SHARDS * shardValues * Float.BYTES;
    final int slots = (int) Math.max(2, bytes / slotBytes);
    final var spec =
        RunSpec.parse(
            SPEC.formatted(name, slots, SHARDS * shardValues, SHARDS, partitions, shardValues),
            "the benchmark's spec",
            List.of());
    try (var local = LocalRun.submit(spec)) {
      produce(local.run());
      final double before = plain(local.run(), slots * slotBytes);
      final double arbitrator = arbitrator(local, slots * slotBytes);
      return new Speeds(arbitrator, Math.max(before, plain(local.run(), slots * slotBytes)));
    }
  }

  private void produce(Run run) {
    final MemorySegment values =
        SyntheticVectors.fill(MemorySegment.ofArray(new byte[shardValues * Float.BYTES]), 1);
    final var orders = new RoundOrders(run.spec());
    try (var producer = new KafkaProducer<byte[], byte[]>(run.connection().producer())) {
      final var sent = new ArrayList<Future<RecordMetadata>>();
      for (int slot = 0; slot < run.slots().most(); slot++) {
        for (int task = 0; task < TASKS; task++) {
          for (final Shard shard : run.manifest().shards()) {
            sent.add(
                producer.send(
                    new ProducerRecord<>(
                        run.topics().gradients(task),
                        shard.partition(),
                        Keys.shard(shard.index()),
                        record(run, orders.of(0, task, slot, 0), shard, values))));
          }
        }
      }
      producer.flush();
      for (final Future<RecordMetadata> each : sent) {
        each.get();
      }
    } catch (ExecutionException e) {
      throw new IllegalStateException("the gradients could not be published", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while publishing gradients", e);
    }
  }

  private static byte[] record(Run run, Order order, Shard shard, MemorySegment values) {
    final var header =
        RoundOrders.answer(order)
            .setShard(shard.index())
            .setManifest(run.manifest().hash())
            .setWorker("bench")
            .setSamples(1)
            .setLoss(1)
            .setType(DataType.FLOAT32)
            .setDigest(Digests.UNKNOWN)
            .build();
    final int bytes = shard.length() * Float.BYTES;
    final byte[] record = ValuesRecord.allocate(header, bytes);
    final MemorySegment own = ValuesRecord.valuesOf(record, bytes);
    own.copyFrom(values.asSlice(0, bytes));
    final ByteString digest =
        Digests.of(run.description().digest(), run.topics().nameOf(order.getTask()), header, own);
    ValuesRecord.replaceHeader(record, header.toBuilder().setDigest(digest).build());
    return record;
  }

  /** As many threads as the arbitrator has, each with a consumer of its partitions. */
  private double plain(Run run, long bytes) {
    final int threads = Math.min(partitions, Runtime.getRuntime().availableProcessors());
    final var consumed = new AtomicLong();
    final List<Thread> consumers =
        IntStream.range(0, threads)
            .mapToObj(
                thread ->
                    Thread.ofPlatform().start(() -> consume(run, thread, threads, bytes, consumed)))
            .toList();
    final double speed = speed(consumed::get, bytes);
    for (final Thread consumer : consumers) {
      try {
        consumer.join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException("interrupted while measuring", e);
      }
    }
    return speed;
  }

  private static void consume(Run run, int thread, int threads, long bytes, AtomicLong consumed) {
    final var assigned = new ArrayList<TopicPartition>();
    for (int partition = thread; partition < run.manifest().partitions(); partition += threads) {
      for (int task = 0; task < TASKS; task++) {
        assigned.add(new TopicPartition(run.topics().gradients(task), partition));
      }
    }
    try (var consumer = new KafkaConsumer<byte[], byte[]>(run.connection().consumer())) {
      consumer.assign(assigned);
      while (consumed.get() < bytes) {
        for (final ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
          Blackhole.take(MemoryLimits.read(List.of(MemorySegment.ofArray(record.value()))));
          consumed.addAndGet(record.value().length);
        }
      }
    }
  }

  private double arbitrator(LocalRun local, long bytes) {
    final Run run = local.run();
    final var statistics = new TopicPartition(run.topics().statistics(), 0);
    try (var log = new LogReader(run.connection(), "bench");
        var arbitrator = local.startArbitrator()) {
      final double speed =
          speed(
              () -> {
                LocalRun.requireNone(arbitrator.failure());
                return consumedBy(run.topics().arbitratorApplication());
              },
              bytes);
      while (log.end(statistics) == 0) {
        LocalRun.requireNone(arbitrator.failure());
        Pause.of(Duration.ofMillis(50));
      }
      return speed;
    }
  }

  private interface Counter {
    double bytes();
  }

  private record Reading(double bytes, long nanos) {
    static Reading of(Counter counter) {
      return new Reading(counter.bytes(), System.nanoTime());
    }
  }

  /**
   * Bytes a second from the last moment with less than a tenth to the first with nine tenths: never
   * nothing, however large a step the counter takes.
   */
  private static double speed(Counter counter, long bytes) {
    Reading from = Reading.of(counter);
    Reading now = from;
    while (now.bytes() < 0.9 * bytes) {
      if (now.bytes() < 0.1 * bytes) {
        from = now;
      }
      Pause.of(Duration.ofMillis(2));
      now = Reading.of(counter);
    }
    return (now.bytes() - from.bytes()) / Math.max(1, now.nanos() - from.nanos()) * 1e9;
  }

  /** What the main consumers of a Kafka Streams application have handed over so far. */
  private static double consumedBy(String application) {
    final MBeanServer server = ManagementFactory.getPlatformMBeanServer();
    try {
      double bytes = 0;
      for (final ObjectName name :
          server.queryNames(
              new ObjectName("kafka.consumer:type=consumer-fetch-manager-metrics,client-id=*"),
              null)) {
        final String client = name.getKeyProperty("client-id");
        if (client.startsWith(application) && client.matches(".*-StreamThread-\\d+-consumer")) {
          final double total = (double) server.getAttribute(name, "bytes-consumed-total");
          bytes += Double.isNaN(total) ? 0 : total;
        }
      }
      return bytes;
    } catch (JMException e) {
      throw new IllegalStateException("Kafka's consumers do not tell what they read", e);
    }
  }
}
