package io.gradstream.arbitrator.topology;

/** Names of the topology's sinks: where the processors' records go. */
final class SinkNames {
  static final String STATISTICS = "to-statistics";
  static final String VERDICTS = "to-verdicts";
  static final String UPDATES = "to-updates";
  static final String METRICS = "to-metrics";
  static final String REFUSED_RECORDS = "refused-records-to-dead-letters";
  static final String REFUSED_STATISTICS = "refused-statistics-to-dead-letters";

  private SinkNames() {}
}
