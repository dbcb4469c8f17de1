package io.gradstream.server.topology;

/** Names of the topology's sinks: where the processor's records go. */
final class SinkNames {
  static final String WEIGHTS = "to-weights";
  static final String SEALS = "to-weight-seals";
  static final String DEAD_LETTERS = "to-dead-letters";

  private SinkNames() {}

  static String orders(int task) {
    return "to-orders-" + task;
  }
}
