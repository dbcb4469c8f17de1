package io.gradstream.cli.progress;

import io.gradstream.proto.message.Metric;
import io.gradstream.proto.spec.ArithmeticPolicy;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Counts how often each slot was refused, of rounds that may still be open. A slot has the same
 * bits whoever computes it, so one that is refused again will always be refused. One thread.
 */
public final class RefusedSlots {
  private record Slot(int task, int slot) {}

  /**
   * A slot that was refused.
   *
   * @param times how often
   */
  public record Refusal(long round, int task, int slot, int times) {}

  private final TreeMap<Long, Map<Slot, Integer>> rounds = new TreeMap<>();

  /** Takes in a refusal, unless a worker of another kind would not be refused. */
  void add(Metric.Refused refused) {
    if (refused.getTakes() != ArithmeticPolicy.NONE) {
      return;
    }
    rounds
        .computeIfAbsent(refused.getRound(), absent -> new HashMap<>())
        .merge(new Slot(refused.getTask(), refused.getSlot()), 1, Integer::sum);
  }

  void dropBefore(long round) {
    rounds.headMap(round, false).clear();
  }

  /** The slot of a round that was refused most often. */
  Optional<Refusal> mostOften(long round) {
    return rounds.getOrDefault(round, Map.of()).entrySet().stream()
        .map(of -> new Refusal(round, of.getKey().task(), of.getKey().slot(), of.getValue()))
        .max(
            Comparator.comparingInt(Refusal::times)
                .thenComparing(Comparator.comparingInt(Refusal::task).reversed())
                .thenComparing(Comparator.comparingInt(Refusal::slot).reversed()));
  }
}
