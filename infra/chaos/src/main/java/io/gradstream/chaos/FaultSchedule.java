package io.gradstream.chaos;

import io.gradstream.chaos.Fault.Kind;
import io.gradstream.chaos.Fault.Role;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Which faults come in which order, after which pauses: a function of the seed alone.
 *
 * <p>It is dealt like cards: each hand holds every fault as often as {@link #HAND} says, shuffled,
 * so that a short campaign has some of each. How far a campaign gets depends on the clock.
 */
final class FaultSchedule {
  private static final int LONGEST_PAUSE_MS = 1500;

  private record Card(Kind kind, Role role) {}

  private static final List<Card> HAND =
      List.of(
          new Card(Kind.KILL, Role.ARBITRATOR),
          new Card(Kind.KILL, Role.ARBITRATOR),
          new Card(Kind.KILL, Role.SERVER),
          new Card(Kind.KILL, Role.SERVER),
          new Card(Kind.KILL, Role.WORKER),
          new Card(Kind.KILL, Role.BROKER),
          new Card(Kind.PAUSE, Role.ARBITRATOR),
          new Card(Kind.PAUSE, Role.SERVER),
          new Card(Kind.PAUSE, Role.WORKER),
          new Card(Kind.TERMINATE, Role.ARBITRATOR),
          new Card(Kind.TERMINATE, Role.SERVER),
          new Card(Kind.TERMINATE, Role.WORKER),
          new Card(Kind.TERMINATE, Role.BROKER),
          new Card(Kind.JOIN_OR_LEAVE, Role.ARBITRATOR),
          new Card(Kind.JOIN_OR_LEAVE, Role.SERVER),
          new Card(Kind.JOIN_OR_LEAVE, Role.WORKER),
          new Card(Kind.DUPLICATE, Role.WORKER),
          new Card(Kind.DUPLICATE, Role.WORKER),
          new Card(Kind.DUPLICATE, Role.WORKER),
          new Card(Kind.BAD_RECORD, Role.WORKER),
          new Card(Kind.BAD_RECORD, Role.WORKER),
          new Card(Kind.BAD_RECORD, Role.WORKER),
          new Card(Kind.BAD_RECORD, Role.WORKER));

  private final SplittableRandom random;
  private final int[] order = new int[HAND.size()];
  private int dealt = order.length;
  private int badRecords;

  FaultSchedule(long seed) {
    random = new SplittableRandom(seed);
    badRecords = random.nextInt(BadRecord.values().length);
  }

  @SuppressWarnings("EnumOrdinal") // the kinds take turns, whatever their order
  Fault next() {
    if (dealt == order.length) {
      shuffle();
    }
    final Card card = HAND.get(order[dealt++]);
    if (card.kind() == Kind.BAD_RECORD) {
      badRecords++;
    }
    return new Fault(
        card.kind(),
        card.role(),
        random.nextInt(LONGEST_PAUSE_MS),
        BadRecord.values()[badRecords % BadRecord.values().length]);
  }

  private void shuffle() {
    for (int i = 0; i < order.length; i++) {
      final int j = random.nextInt(i + 1);
      order[i] = order[j];
      order[j] = i;
    }
    dealt = 0;
  }
}
