package io.gradstream.arbitrator.round;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * Which gradients counted, in the open round and in the one before: enough to tell whether another
 * one for the same place has other values. The first record of a slot counts; that there were two
 * is told. It takes some hundred bytes for each slot, task and shard. One owner, one thread.
 */
public final class CountedSlots {
  private record Place(int task, int slot, int shard) {
    static Place of(SlotGradient gradient) {
      return new Place(gradient.report().getTask(), gradient.report().getSlot(), gradient.shard());
    }
  }

  /**
   * A gradient that counted.
   *
   * @param worker who sent it
   * @param fingerprint of the arithmetic that it was computed with
   */
  public record Counted(String worker, long fingerprint, long crc, double squaredNorm) {
    static Counted of(SlotGradient gradient) {
      final var crc = new CRC32C();
      crc.update(gradient.values().asByteBuffer());
      return new Counted(
          gradient.report().getWorker(),
          gradient.report().getFingerprint(),
          crc.getValue(),
          gradient.squaredNorm());
    }

    private boolean hasValuesOf(Counted other) {
      return crc == other.crc && squaredNorm == other.squaredNorm;
    }
  }

  private Map<Place, Counted> counted = new HashMap<>();
  private Map<Place, Counted> countedBefore = Map.of();
  private long round;

  /** Opens a round, the one after that before. */
  public void open(long ofRound) {
    countedBefore = counted;
    counted = new HashMap<>();
    round = ofRound;
  }

  /** Says that a gradient of the open round counts. */
  public void count(SlotGradient gradient) {
    counted.put(Place.of(gradient), Counted.of(gradient));
  }

  /** Whether the place of some round's gradient is known to be taken. */
  public boolean contains(long ofRound, int task, int slot, int shard) {
    return of(ofRound).containsKey(new Place(task, slot, shard));
  }

  /** The gradient that counted in place of this one, if it has other values. */
  public Optional<Counted> contradictedBy(SlotGradient gradient) {
    return Optional.ofNullable(of(gradient.round()).get(Place.of(gradient)))
        .filter(first -> !first.hasValuesOf(Counted.of(gradient)));
  }

  private Map<Place, Counted> of(long ofRound) {
    return ofRound == round ? counted : ofRound == round - 1 ? countedBefore : Map.of();
  }
}
