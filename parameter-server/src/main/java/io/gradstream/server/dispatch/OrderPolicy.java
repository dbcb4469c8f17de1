package io.gradstream.server.dispatch;

import io.gradstream.proto.message.Metric;
import io.gradstream.proto.message.Order;
import io.gradstream.proto.run.RoundKind;
import io.gradstream.proto.run.RoundOrders;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.spec.TaskSlots;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Decides which orders go out when.
 *
 * <p>The orders of a round go out with the verdict of the round before, while its updates are still
 * being applied. That is safe because an order names a weights version, and a worker waits until it
 * has that version whole. A slot that a round still waits for is ordered again after the timeout,
 * then after twice as long, and so on up to {@link #MAX_TIMEOUTS} timeouts, so that a slot which
 * nobody can compute does not flood its topic.
 *
 * <p>One owner, one thread: the instance that has partition 0.
 */
public final class OrderPolicy {
  /** Nothing ordered yet. */
  public static final long NONE = -1;

  private static final int MAX_TIMEOUTS = 16;

  /** How many orders of a slot may go out without delay after answers that are not finite. */
  private static final int DIVERGED_ATTEMPTS = 3;

  /** The orders of one slot in the current round: how many went out, and when the last one did. */
  private record Attempts(int count, long lastMs) {}

  private record SlotOfTask(int task, int slot) {}

  private final RunSpec spec;
  private final RoundOrders orders;
  private final TaskSlots slots;
  private final Map<SlotOfTask, Attempts> repeated = new HashMap<>();
  private final Set<SlotOfTask> diverged = new HashSet<>();
  private long ordered;
  private RoundKind kind;
  private long nonce;
  private long orderedMs;

  /**
   * @param ordered the last round whose orders went out, or {@link #NONE}
   * @param kind what they asked for
   * @param nonce that they carried
   */
  public OrderPolicy(RunSpec spec, long ordered, RoundKind kind, long nonce, long nowMs) {
    this.spec = spec;
    this.orders = new RoundOrders(spec);
    this.slots = spec.slots();
    this.ordered = ordered;
    this.kind = kind;
    this.nonce = nonce;
    this.orderedMs = nowMs;
  }

  /** The last round whose orders went out, or {@link #NONE}. */
  public long ordered() {
    return ordered;
  }

  /** What the last orders asked for. */
  public RoundKind kind() {
    return kind;
  }

  /** The nonce that the last orders carried. */
  public long nonce() {
    return nonce;
  }

  /**
   * The orders of a round, unless they went out before or the run has ended.
   *
   * @param roundKind what it asks for
   * @param roundNonce of the verdict before, 0 for the first round
   */
  public List<Order> order(long round, RoundKind roundKind, long roundNonce, long nowMs) {
    if (round <= ordered || round >= spec.rounds()) {
      return List.of();
    }
    ordered = round;
    kind = roundKind;
    nonce = roundNonce;
    orderedMs = nowMs;
    repeated.clear();
    diverged.clear();
    return repeat();
  }

  /** The orders that went out last once more, in case that they were lost. */
  public List<Order> repeat() {
    return ordered == NONE
        ? List.of()
        : orders.of(ordered, kind).stream().map(this::withNonce).toList();
  }

  private Order withNonce(Order order) {
    return order.toBuilder().setNonce(nonce).build();
  }

  /**
   * The order of a slot whose record was refused: at once the first time, then as for any. One
   * whose answers are not finite is asked for at once until it is certain that all answers are, and
   * no more then.
   */
  public List<Order> orderAgain(Metric.Refused refused, long nowMs) {
    final var slot = new SlotOfTask(refused.getTask(), refused.getSlot());
    if (refused.getRound() != ordered || !isOrdered(slot)) {
      return List.of();
    }
    if (refused.getDiverged() && refused.getCertain()) {
      diverged.add(slot);
    }
    final Attempts earlier = repeated.getOrDefault(slot, new Attempts(1, orderedMs));
    final boolean first = !repeated.containsKey(slot);
    final boolean answered =
        refused.getDiverged()
            && refused.getCopies() >= earlier.count()
            && earlier.count() < DIVERGED_ATTEMPTS;
    return !diverged.contains(slot) && (first || answered)
        ? List.of(orderAgain(slot, earlier, nowMs))
        : List.of();
  }

  /**
   * Whether asking again is of no use: a slot names its data and its weights, and the arbitrator
   * has found that nobody has finite values for it.
   */
  public boolean diverged(int task, int slot) {
    return diverged.contains(new SlotOfTask(task, slot));
  }

  /** Whether the round has the slot; metrics are not read as strictly as gradients. */
  private boolean isOrdered(SlotOfTask slot) {
    final int tasks = spec.tasks().size();
    return kind.asks(slot.task(), tasks) && slot.slot() >= 0 && slot.slot() < slots.of(slot.task());
  }

  private Order orderAgain(SlotOfTask slot, Attempts earlier, long nowMs) {
    repeated.put(slot, new Attempts(earlier.count() + 1, nowMs));
    return withNonce(orders.of(ordered, slot.task(), slot.slot(), earlier.count()));
  }

  /**
   * The orders that a standing round needs again. Each such report says anew which slots are not to
   * be asked for: what a single record said of a slot, that perhaps no arbitrator wrote, does not
   * keep it from being ordered for good.
   */
  public List<Order> orderAgain(Metric.Waiting waiting, long nowMs) {
    if (waiting.getRound() != ordered) {
      return List.of();
    }
    final var due = new ArrayList<Order>();
    for (final var missing : waiting.getSlotsList()) {
      final var slot = new SlotOfTask(missing.getTask(), missing.getSlot());
      if (missing.getDiverged() && isOrdered(slot)) {
        diverged.add(slot);
      } else {
        diverged.remove(slot);
      }
      final Attempts earlier = repeated.getOrDefault(slot, new Attempts(1, orderedMs));
      final long waitMs =
          (long) spec.orders().timeoutMs()
              * Math.min(MAX_TIMEOUTS, 1 << Math.min(earlier.count() - 1, 30));
      if (isOrdered(slot) && !diverged.contains(slot) && nowMs - earlier.lastMs() >= waitMs) {
        due.add(orderAgain(slot, earlier, nowMs));
      }
    }
    return due;
  }
}
