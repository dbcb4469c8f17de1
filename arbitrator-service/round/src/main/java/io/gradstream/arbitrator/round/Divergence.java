package io.gradstream.arbitrator.round;

import io.gradstream.proto.evidence.Signers;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.message.ShardStatistics.Contribution;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * The gradients of a shard that the open round refused because they are not finite, and whether
 * they show that the round cannot end.
 *
 * <p>A slot names its data and its weights, so everybody who computes it gets the same. One worker
 * may be broken or lie, so the slot has to be refused from two, whose threads count as one. A
 * worker that works alone has to send it three times; one that others have worked beside, or any in
 * the first round, three times while the round stood still twice, in which the slot was asked for
 * again and nobody else answered.
 *
 * <p>One owner, one thread.
 */
final class Divergence {
  /** If only one worker answers, how many of its gradients must agree that a slot has diverged. */
  static final int ATTEMPTS = 3;

  private static final int STANDSTILLS = 2;

  private record Slot(int task, int slot) {
    static final Comparator<Slot> ORDER =
        Comparator.comparingInt(Slot::task).thenComparingInt(Slot::slot);
  }

  /**
   * @param standstills how often the round had been reported to stand still when it was refused
   */
  private record Refused(Contribution gradient, int standstills) {
    String worker() {
      return Signers.nameOf(gradient.getWorker());
    }
  }

  private final TreeMap<Slot, List<Refused>> refused = new TreeMap<>(Slot.ORDER);

  /**
   * Takes a refused gradient in; of each worker so many are kept as are needed.
   *
   * @return how many of its slot there are
   */
  int add(Contribution gradient, int standstills) {
    final List<Refused> ofSlot =
        refused.computeIfAbsent(
            new Slot(gradient.getTask(), gradient.getSlot()), first -> new ArrayList<>());
    final var added = new Refused(gradient, standstills);
    final List<Refused> sameWorker =
        ofSlot.stream().filter(each -> each.worker().equals(added.worker())).toList();
    if (sameWorker.stream()
        .noneMatch(each -> each.gradient().getOffset() == gradient.getOffset())) {
      if (sameWorker.size() == ATTEMPTS) {
        ofSlot.remove(sameWorker.getLast());
      }
      ofSlot.add(added);
    }
    return ofSlot.size();
  }

  /** A finite gradient of the slot was found: whatever was refused showed nothing. */
  void disproved(int task, int slot) {
    refused.remove(new Slot(task, slot));
  }

  void clear() {
    refused.clear();
  }

  /**
   * The refused gradients of the first slot that cannot be had, in order of the log.
   *
   * @param workers names of all whose gradients are in the open round and in the one before; none
   *     where no round has ended yet
   */
  Optional<List<Contribution>> certain(Set<String> workers) {
    return refused.values().stream()
        .filter(ofSlot -> isCertain(ofSlot, workers))
        .findFirst()
        .map(
            ofSlot ->
                ofSlot.stream()
                    .map(Refused::gradient)
                    .sorted(Comparator.comparingLong(Contribution::getOffset))
                    .toList());
  }

  private static boolean isCertain(List<Refused> ofSlot, Set<String> workers) {
    final Set<String> names = ofSlot.stream().map(Refused::worker).collect(Collectors.toSet());
    return names.size() > 1
        || (ofSlot.size() >= ATTEMPTS
            && (workers.equals(names)
                || ofSlot.getLast().standstills() - ofSlot.getFirst().standstills()
                    >= STANDSTILLS));
  }

  /** Whether gradients that somebody states to be refused are enough of them, of one slot. */
  static boolean isStated(ShardStatistics.Divergence divergence) {
    final List<Contribution> stated = divergence.getRefusedList();
    final long names =
        stated.stream().map(each -> Signers.nameOf(each.getWorker())).distinct().count();
    return (names > 1 || stated.size() >= ATTEMPTS)
        && stated.stream().map(each -> new Slot(each.getTask(), each.getSlot())).distinct().count()
            == 1
        && stated.stream().map(Contribution::getOffset).distinct().count() == stated.size();
  }

  List<Contribution> save() {
    return refused.values().stream().flatMap(List::stream).map(Refused::gradient).toList();
  }

  /** Goes on from {@link #save}; how often the round stood still begins anew. */
  void restore(List<Contribution> saved) {
    clear();
    saved.forEach(each -> add(each, 0));
  }
}
