package io.gradstream.audit.rounds;

import io.gradstream.arbitrator.round.SlotGradient;
import io.gradstream.proto.message.GradientShard;
import java.util.HashMap;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.zip.CRC32C;

/**
 * Which workers sent gradients of slots that other values were counted for. The first record of a
 * slot counts; that there were two is told. It knows the counted ones of the open round and of the
 * one before. One owner, one thread.
 */
final class Contradictions {
  private record ShardSlot(int shard, int slot) {}

  /** Tells values from other values. */
  private record Imprint(long crc, double squaredNorm) {
    static Imprint of(SlotGradient gradient) {
      final var crc = new CRC32C();
      crc.update(gradient.values().asByteBuffer());
      return new Imprint(crc.getValue(), gradient.squaredNorm());
    }
  }

  private final SortedMap<String, Long> byWorker = new TreeMap<>();
  private Map<ShardSlot, Imprint> counted = Map.of();
  private Map<ShardSlot, Imprint> countedBefore = Map.of();
  private long round;

  /** Opens a round, the one after that before. */
  void open(long ofRound) {
    countedBefore = counted;
    counted = new HashMap<>();
    round = ofRound;
  }

  /** Says that a gradient of the open round counts. */
  void counted(SlotGradient gradient) {
    counted.put(new ShardSlot(gradient.shard(), gradient.report().getSlot()), Imprint.of(gradient));
  }

  /** Whether something was counted for the slot that a gradient is for. */
  boolean concern(GradientShard header) {
    return of(header.getRound()).containsKey(new ShardSlot(header.getShard(), header.getSlot()));
  }

  /** Takes a gradient that was not counted and could have been. */
  void take(SlotGradient gradient) {
    final Imprint first =
        of(gradient.round()).get(new ShardSlot(gradient.shard(), gradient.report().getSlot()));
    if (first != null && !first.equals(Imprint.of(gradient))) {
      byWorker.merge(gradient.report().getWorker(), 1L, Long::sum);
    }
  }

  private Map<ShardSlot, Imprint> of(long ofRound) {
    return ofRound == round ? counted : ofRound == round - 1 ? countedBefore : Map.of();
  }

  /** How many records each worker sent. */
  SortedMap<String, Long> byWorker() {
    return byWorker;
  }
}
