package io.gradstream.chaos;

import io.gradstream.chaos.Fault.Kind;
import io.gradstream.chaos.Fault.Role;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Which faults come in which order, after which pauses: a function of the seed alone.
 *
 * <p>Faults come in cycles. Each holds every fault as often as {@link #CYCLE} lists it, shuffled,
 * so that a short campaign has some of each. How far a campaign gets depends on the clock.
 */
final class FaultSchedule {
  private static final int LONGEST_PAUSE_MS = 1500;

  private record Entry(Kind kind, Role role) {}

  private static final List<Entry> CYCLE =
      List.of(
          new Entry(Kind.KILL, Role.ARBITRATOR),
          new Entry(Kind.KILL, Role.ARBITRATOR),
          new Entry(Kind.KILL, Role.SERVER),
          new Entry(Kind.KILL, Role.SERVER),
          new Entry(Kind.KILL, Role.WORKER),
          new Entry(Kind.KILL, Role.BROKER),
          new Entry(Kind.PAUSE, Role.ARBITRATOR),
          new Entry(Kind.PAUSE, Role.SERVER),
          new Entry(Kind.PAUSE, Role.WORKER),
          new Entry(Kind.TERMINATE, Role.ARBITRATOR),
          new Entry(Kind.TERMINATE, Role.SERVER),
          new Entry(Kind.TERMINATE, Role.WORKER),
          new Entry(Kind.TERMINATE, Role.BROKER),
          new Entry(Kind.JOIN_OR_LEAVE, Role.ARBITRATOR),
          new Entry(Kind.JOIN_OR_LEAVE, Role.SERVER),
          new Entry(Kind.JOIN_OR_LEAVE, Role.WORKER),
          new Entry(Kind.DUPLICATE, Role.WORKER),
          new Entry(Kind.DUPLICATE, Role.WORKER),
          new Entry(Kind.DUPLICATE, Role.WORKER),
          new Entry(Kind.BAD_RECORD, Role.WORKER),
          new Entry(Kind.BAD_RECORD, Role.WORKER),
          new Entry(Kind.BAD_RECORD, Role.WORKER),
          new Entry(Kind.BAD_RECORD, Role.WORKER));

  private final SplittableRandom random;
  private final int[] order = new int[CYCLE.size()];
  private int position = order.length;
  private int badRecords;

  FaultSchedule(long seed) {
    random = new SplittableRandom(seed);
    badRecords = random.nextInt(BadRecord.values().length);
  }

  @SuppressWarnings("EnumOrdinal") // the kinds take turns, whatever their order
  Fault next() {
    if (position == order.length) {
      shuffle();
    }
    final Entry entry = CYCLE.get(order[position++]);
    if (entry.kind() == Kind.BAD_RECORD) {
      badRecords++;
    }
    return new Fault(
        entry.kind(),
        entry.role(),
        random.nextInt(LONGEST_PAUSE_MS),
        BadRecord.values()[badRecords % BadRecord.values().length]);
  }

  private void shuffle() {
    for (int i = 0; i < order.length; i++) {
      final int j = random.nextInt(i + 1);
      order[i] = order[j];
      order[j] = i;
    }
    position = 0;
  }
}
