package io.gradstream.chaos;

import io.gradstream.chaos.Fault.Kind;
import io.gradstream.chaos.Fault.Role;
import java.util.List;
import java.util.Set;
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
          new Entry(Kind.BAD_RECORD, Role.WORKER),
          new Entry(Kind.HOSTILE_RECORDS, Role.WORKER),
          new Entry(Kind.HOSTILE_RECORDS, Role.WORKER),
          new Entry(Kind.PAUSE, Role.BROKER),
          new Entry(Kind.REFUSE_SENDS, Role.ARBITRATOR),
          new Entry(Kind.REFUSE_SENDS, Role.ARBITRATOR),
          new Entry(Kind.REFUSE_SENDS, Role.SERVER),
          new Entry(Kind.REFUSE_SENDS, Role.WORKER),
          new Entry(Kind.LINK_DOWN, Role.ARBITRATOR),
          new Entry(Kind.LINK_DOWN, Role.SERVER),
          new Entry(Kind.LINK_DOWN, Role.WORKER),
          new Entry(Kind.CLOCK_STEP, Role.ARBITRATOR),
          new Entry(Kind.CLOCK_STEP, Role.SERVER),
          new Entry(Kind.CLOCK_STEP, Role.WORKER),
          new Entry(Kind.CLOCK_STEP, Role.BROKER),
          new Entry(Kind.LOSE_TAIL, Role.BROKER));

  private final SplittableRandom random;
  private final List<Entry> cycle;
  private final int[] order;
  private int position;
  private int badRecords;

  /**
   * @param seed what the order follows from
   * @param possible the kinds of faults that can be done here
   */
  FaultSchedule(long seed, Set<Kind> possible) {
    random = new SplittableRandom(seed);
    cycle = CYCLE.stream().filter(entry -> possible.contains(entry.kind())).toList();
    order = new int[cycle.size()];
    position = order.length;
    badRecords = random.nextInt(BadRecord.values().length);
  }

  @SuppressWarnings("EnumOrdinal") // the kinds take turns, whatever their order
  Fault next() {
    if (position == order.length) {
      shuffle();
    }
    final Entry entry = cycle.get(order[position++]);
    if (entry.kind() == Kind.BAD_RECORD) {
      badRecords++;
    }
    return new Fault(
        entry.kind(),
        entry.role(),
        random.nextInt(LONGEST_PAUSE_MS),
        BadRecord.values()[badRecords % BadRecord.values().length],
        random.nextInt(Integer.MAX_VALUE));
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
