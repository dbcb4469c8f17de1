package io.gradstream.proto.spec;

/**
 * How a task's slots are divided into groups: slot k is in group k mod G. A group's gradient is the
 * mean of its slots'. Groups are samples of the task's gradient at the same weights, independent of
 * each other.
 *
 * @param slots K, slots of a task in a round
 * @param count G, 1 to K
 */
public record SlotGroups(int slots, int count) {
  public SlotGroups {
    if (count < 1 || count > slots) {
      throw new IllegalArgumentException(slots + " slots cannot be divided into " + count);
    }
  }

  /** The group of a slot. */
  public int of(int slot) {
    return slot % count;
  }

  /** How many slots a group has; the first ones have one more where G does not divide K. */
  public int slotsOf(int group) {
    return slots / count + (group < slots % count ? 1 : 0);
  }

  /** A group's share of the mean over all slots. */
  public double share(int group) {
    return (double) slotsOf(group) / slots;
  }
}
