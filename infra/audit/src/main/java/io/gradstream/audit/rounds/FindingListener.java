package io.gradstream.audit.rounds;

/** Takes what a reader of a log finds wrong with it; may throw to end the reading. */
@FunctionalInterface
public interface FindingListener {
  void add(Finding finding);
}
