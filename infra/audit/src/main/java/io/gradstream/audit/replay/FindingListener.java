package io.gradstream.audit.replay;

/** Takes what a reader of a log finds wrong with it; may throw to end the reading. */
@FunctionalInterface
public interface FindingListener {
  void add(Finding finding);
}
