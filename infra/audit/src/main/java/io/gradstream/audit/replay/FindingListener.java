package io.gradstream.audit.replay;

import org.apache.kafka.common.TopicPartition;

/** Takes what a reader of a log finds wrong with it; may throw to end the reading. */
@FunctionalInterface
public interface FindingListener {
  void add(Finding finding);

  /** Offsets that no record has, from {@code first} (inclusive) to {@code next} (exclusive). */
  static Finding gap(long round, TopicPartition partition, long first, long next) {
    return Finding.of(
        Finding.Kind.MISSING,
        round,
        partition,
        first,
        first == 0
            ? "the log begins at offset " + next + ", what was before is not there"
            : next == first + 1
                ? "there is no record"
                : "there are no records up to offset " + (next - 1));
  }
}
