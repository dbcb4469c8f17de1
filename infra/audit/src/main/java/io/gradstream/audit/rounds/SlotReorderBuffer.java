package io.gradstream.audit.rounds;

import io.gradstream.arbitrator.round.SlotGradient;
import io.gradstream.proto.log.LogRecord;
import java.util.HashMap;
import java.util.Map;

/** Brings one task's gradients of a round, shard by shard, into the order of their slots. */
final class SlotReorderBuffer {
  private record EarlySlot(SlotGradient gradient, LogRecord record) {}

  private record ShardSlot(int shard, int slot) {}

  private final CountedGradients target;
  private final Map<Integer, Integer> next = new HashMap<>();
  private final Map<ShardSlot, EarlySlot> waiting = new HashMap<>();

  SlotReorderBuffer(CountedGradients target) {
    this.target = target;
  }

  void take(SlotGradient gradient, LogRecord record) {
    final int shard = gradient.shard();
    waiting.put(new ShardSlot(shard, gradient.report().getSlot()), new EarlySlot(gradient, record));
    int slot = next.getOrDefault(shard, 0);
    for (EarlySlot now = waiting.remove(new ShardSlot(shard, slot));
        now != null;
        now = waiting.remove(new ShardSlot(shard, slot))) {
      target.add(now.gradient(), now.record());
      slot++;
    }
    next.put(shard, slot);
  }

  /** Whether everything that was taken has had its turn. */
  boolean done() {
    return waiting.isEmpty();
  }
}
