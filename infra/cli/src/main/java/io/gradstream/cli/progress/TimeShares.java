package io.gradstream.cli.progress;

import io.gradstream.proto.message.ShardStatistics;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Where the time of a run went, from the times at which the broker took the records of each round.
 *
 * <pre>
 *   orders(r) ──▶ statistics(r) ──▶ verdict(r) ──▶ orders(r+1)
 *      computing, transport    arbitration      update
 * </pre>
 *
 * Between orders and statistics, the mean time that a worker said it computed is computing; what is
 * left is transport. A round counts once, when all its records were seen and the next one's orders.
 * One thread.
 */
public final class TimeShares {
  /**
   * Seconds spent since the first round that was counted.
   *
   * @param computing workers compute gradients
   * @param transport gradients travel, weights travel, workers wait
   * @param arbitration statistics are resolved into a verdict
   * @param update partitions combine, the server steps, the next orders go out
   */
  public record Seconds(double computing, double transport, double arbitration, double update) {
    double total() {
      return computing + transport + arbitration + update;
    }
  }

  private static final long UNKNOWN = -1;

  /** The broker's times in milliseconds: first order, last statistics, first verdict. */
  private static final class Round {
    long orders = UNKNOWN;
    long statistics = UNKNOWN;
    long verdict = UNKNOWN;
    final Map<List<Integer>, ShardStatistics.Slot> slots = new HashMap<>();

    boolean isComplete() {
      return orders != UNKNOWN && statistics != UNKNOWN && verdict != UNKNOWN;
    }
  }

  private final TreeMap<Long, Round> open = new TreeMap<>();
  private long counted = -1;
  private long computingUs;
  private long workingMs;
  private long arbitrationMs;
  private long updateMs;

  void order(long number, long timeMs) {
    final Round round = open(number);
    if (round != null && (round.orders == UNKNOWN || timeMs < round.orders)) {
      round.orders = timeMs;
    }
  }

  void statistics(ShardStatistics statistics, long timeMs) {
    final Round round = open(statistics.getRound());
    if (round == null) {
      return;
    }
    if (round.verdict == UNKNOWN || timeMs <= round.verdict) {
      round.statistics = Math.max(round.statistics, timeMs);
    }
    for (final var slot : statistics.getSlotsList()) {
      round.slots.put(List.of(slot.getTask(), slot.getSlot()), slot);
    }
  }

  void verdict(long number, long timeMs) {
    final Round round = open(number);
    if (round != null && (round.verdict == UNKNOWN || timeMs < round.verdict)) {
      round.verdict = timeMs;
    }
  }

  /** Counts the rounds that are complete; their records are forgotten, and all older ones. */
  Seconds seconds() {
    for (final long round : List.copyOf(open.keySet())) {
      if (count(round)) {
        counted = round;
      }
    }
    open.headMap(counted, true).clear();
    return new Seconds(
        computingUs / 1e6,
        Math.max(0, workingMs / 1e3 - computingUs / 1e6),
        arbitrationMs / 1e3,
        updateMs / 1e3);
  }

  private boolean count(long number) {
    final Round round = open.get(number);
    final Round next = open.get(number + 1);
    if (round == null || next == null || !round.isComplete() || next.orders == UNKNOWN) {
      return false;
    }
    final long working = Math.max(0, round.statistics - round.orders);
    workingMs += working;
    computingUs += Math.min(working * 1000, meanComputingUs(round));
    arbitrationMs += Math.max(0, round.verdict - round.statistics);
    updateMs += Math.max(0, next.orders - round.verdict);
    return true;
  }

  /** How long each of the round's workers computed, on average. */
  private static long meanComputingUs(Round round) {
    final var workers = new HashSet<String>();
    long sum = 0;
    for (final var slot : round.slots.values()) {
      workers.add(slot.getWorker());
      sum += slot.getComputeUs();
    }
    return workers.isEmpty() ? 0 : sum / workers.size();
  }

  private @Nullable Round open(long round) {
    return round <= counted ? null : open.computeIfAbsent(round, number -> new Round());
  }
}
