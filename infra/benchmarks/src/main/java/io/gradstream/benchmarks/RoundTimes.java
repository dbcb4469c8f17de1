package io.gradstream.benchmarks;

import io.gradstream.proto.log.LogReader;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.message.GradientShard;
import io.gradstream.proto.message.Order;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.message.UpdateShard;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.message.WeightShard;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.topic.Topics;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import org.apache.kafka.common.TopicPartition;

/**
 * Where the time of a run's rounds went, from the times at which the broker took their records.
 *
 * <pre>
 * weights(r) ─▶ first gradient ─▶ last gradient ─▶ statistics ─▶ verdict ─▶ update ─▶ weights(r+1)
 * </pre>
 *
 * A round lasts from one version's last weight shard to the next one's. The hops add up to it. A
 * broker's time has whole milliseconds; over many rounds their mean is finer than that.
 */
final class RoundTimes {
  /** A part of a round. */
  enum Hop {
    ORDERS("orders", "weights known until all is ordered"),
    FIRST_GRADIENT("first_gradient", "first gradient"),
    OTHER_GRADIENTS("other_gradients", "other gradients"),
    STATISTICS("statistics", "statistics"),
    VERDICT("verdict", "verdict"),
    UPDATE("update", "update"),
    WEIGHTS("weights", "weights");

    private final String key;
    private final String text;

    Hop(String key, String text) {
      this.key = key;
      this.text = text;
    }

    String key() {
      return key;
    }

    String text() {
      return text;
    }
  }

  /** Broker times of one round's records in milliseconds, and what workers computed. */
  private static final class Round {
    long ordered;
    long weights;
    long firstGradient = Long.MAX_VALUE;
    long lastGradient;
    long statistics;
    long verdict;
    long update;
    long nextWeights;
    int weightShards;
    final Map<List<Integer>, Long> computedUs = new HashMap<>();
  }

  private final List<Round> rounds;

  private RoundTimes(List<Round> rounds) {
    this.rounds = rounds;
  }

  /** Reads the finished run's topics; the first {@code skipped} rounds are left out. */
  static RoundTimes read(Run run, int skipped) {
    final var rounds = new ArrayList<Round>();
    for (int round = 0; round <= run.spec().rounds(); round++) {
      rounds.add(new Round());
    }
    final Topics topics = run.topics();
    try (var log = new LogReader(run.connection(), topics.run() + ".bench")) {
      final var reader = new Reader(log, rounds);
      for (int task = 0; task < run.orderedTasks(); task++) {
        for (int partition = 0; partition < run.orderPartitions(); partition++) {
          reader.each(topics.orders(task), partition, RoundTimes::order);
        }
      }
      for (int partition = 0; partition < run.manifest().partitions(); partition++) {
        for (int task = 0; task < run.orderedTasks(); task++) {
          reader.each(topics.gradients(task), partition, RoundTimes::gradient);
        }
        reader.each(topics.updates(), partition, RoundTimes::update);
        reader.each(topics.weights(), partition, RoundTimes::weights);
        reader.each(topics.verdicts(), partition, RoundTimes::verdict);
      }
      reader.each(topics.statistics(), 0, RoundTimes::statistics);
    }
    final int shards = run.manifest().shards().size();
    return new RoundTimes(
        IntStream.range(skipped, (int) run.spec().rounds())
            .filter(round -> isWhole(rounds, round, shards))
            .mapToObj(rounds::get)
            .toList());
  }

  /** Kafka compacts the weights: of a long run, some or all shards of early versions are gone. */
  private static boolean isWhole(List<Round> rounds, int round, int shards) {
    return rounds.get(round).weightShards >= shards && rounds.get(round + 1).weightShards >= shards;
  }

  private interface Taker {
    void take(List<Round> rounds, byte[] value, long timeMs) throws Exception;
  }

  private record Reader(LogReader log, List<Round> rounds) {
    void each(String topic, int partition, Taker taker) {
      final var from = new TopicPartition(topic, partition);
      log.read(from, 0, log.end(from), record -> take(taker, record));
    }

    private void take(Taker taker, LogRecord record) {
      try {
        taker.take(rounds, record.bytes(), record.timestamp());
      } catch (Exception e) {
        throw new IllegalStateException("a record of the benchmark's run cannot be read", e);
      }
    }
  }

  private static void order(List<Round> rounds, byte[] value, long timeMs) throws Exception {
    final var round = rounds.get((int) Order.parseFrom(value).getRound());
    round.ordered = Math.max(round.ordered, timeMs);
  }

  private static void gradient(List<Round> rounds, byte[] value, long timeMs) throws Exception {
    final var header = ValuesRecord.read(value, GradientShard.parser()).header();
    final var round = rounds.get((int) header.getRound());
    round.firstGradient = Math.min(round.firstGradient, timeMs);
    round.lastGradient = Math.max(round.lastGradient, timeMs);
  }

  private static void statistics(List<Round> rounds, byte[] value, long timeMs) throws Exception {
    final var statistics = ShardStatistics.parseFrom(value);
    final var round = rounds.get((int) statistics.getRound());
    round.statistics = Math.max(round.statistics, timeMs);
    for (final var slot : statistics.getSlotsList()) {
      round.computedUs.put(List.of(slot.getTask(), slot.getSlot()), slot.getComputeUs());
    }
  }

  private static void verdict(List<Round> rounds, byte[] value, long timeMs) throws Exception {
    final var round = rounds.get((int) Verdict.parseFrom(value).getRound());
    round.verdict = Math.max(round.verdict, timeMs);
  }

  private static void update(List<Round> rounds, byte[] value, long timeMs) throws Exception {
    final var header = ValuesRecord.read(value, UpdateShard.parser()).header();
    if (!header.getInitial()) {
      final var round = rounds.get((int) header.getRound());
      round.update = Math.max(round.update, timeMs);
    }
  }

  private static void weights(List<Round> rounds, byte[] value, long timeMs) throws Exception {
    final WeightShard header;
    try {
      header = ValuesRecord.read(value, WeightShard.parser()).header();
    } catch (MalformedRecordException e) {
      return; // a seal
    }
    final int version = (int) header.getVersion();
    final var round = rounds.get(version);
    round.weightShards++;
    round.weights = Math.max(round.weights, timeMs);
    if (version > 0) {
      final var before = rounds.get(version - 1);
      before.nextWeights = Math.max(before.nextWeights, timeMs);
    }
  }

  /** Milliseconds from one version to the next. */
  Samples rounds() {
    return samples(round -> round.nextWeights - round.weights);
  }

  /** Seconds of each round. */
  List<Double> seconds() {
    return rounds.stream().map(round -> (round.nextWeights - round.weights) / 1e3).toList();
  }

  /** Milliseconds of each hop. */
  Map<Hop, Samples> hops() {
    final var hops = new EnumMap<Hop, Samples>(Hop.class);
    hops.put(Hop.ORDERS, samples(RoundTimes::waitForOrders));
    hops.put(Hop.FIRST_GRADIENT, samples(r -> r.firstGradient - r.weights - waitForOrders(r)));
    hops.put(Hop.OTHER_GRADIENTS, samples(r -> r.lastGradient - r.firstGradient));
    hops.put(Hop.STATISTICS, samples(r -> r.statistics - r.lastGradient));
    hops.put(Hop.VERDICT, samples(r -> r.verdict - r.statistics));
    hops.put(Hop.UPDATE, samples(r -> r.update - r.verdict));
    hops.put(Hop.WEIGHTS, samples(r -> r.nextWeights - r.update));
    return hops;
  }

  private static double waitForOrders(Round round) {
    return Math.max(0, round.ordered - round.weights);
  }

  /** Milliseconds that workers computed in a round, all slots together. */
  Samples computing() {
    return samples(r -> r.computedUs.values().stream().mapToLong(us -> us).sum() / 1e3);
  }

  /**
   * Prints the hops with their shares, and adds {@code hops_ms} and {@code computing_ms} to the
   * JSON object.
   */
  void print(BenchResults findings) {
    final double whole = rounds().mean();
    final var hops = findings.json().putObject("hops_ms");
    hops()
        .forEach(
            (hop, samples) -> {
              findings.line(
                  "  %-34s mean %6.2f ms  %4.0f %%   p50 %.0f  p99 %.0f",
                  hop.text(),
                  samples.mean(),
                  100 * samples.mean() / whole,
                  samples.median(),
                  samples.quantile(0.99));
              hops.put(hop.key(), samples.mean());
            });
    final double computing = computing().mean();
    findings.line("  %-34s mean %6.2f ms", "workers compute, all together", computing);
    findings.json().put("computing_ms", computing);
  }

  private Samples samples(ToDoubleFunction<Round> value) {
    return Samples.of(rounds.stream().mapToDouble(value).boxed().toList());
  }
}
