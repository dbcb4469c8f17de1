package io.gradstream.audit.check;

import static org.assertj.core.api.Assertions.assertThat;

import io.gradstream.audit.MemoryLog;
import io.gradstream.audit.RecordedRun;
import io.gradstream.audit.lineage.Lineage;
import io.gradstream.audit.rounds.Finding;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.record.Keys;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

/** What services passed over ends no audit: it is named, and all the rest is computed. */
class PassedOverRecordsTest {
  private static final int ROUNDS = 6;

  private final MemoryLog log = RecordedRun.train();

  @Test
  void verdictsThatDoNotGoOnFromTheOneBeforeHideNothing() {
    final String honest = audit().weights();
    for (int partition = 0; partition < log.run().manifest().partitions(); partition++) {
      for (final long round : new long[] {0, 3, 30, 1L << 62}) {
        final var verdicts = new TopicPartition(log.run().topics().verdicts(), partition);
        final LogRecord first = log.records(verdicts).getFirst();
        log.insert(first, Keys.round(round), forged(round).toByteArray());
      }
    }

    final AuditReport report = audit();

    assertThat(report.rounds()).isEqualTo(ROUNDS);
    assertThat(report.weights()).isEqualTo(honest);
    assertThat(report.findings())
        .hasSize(4 * log.run().manifest().partitions())
        .allMatch(finding -> finding.kind() == Finding.Kind.ORDER)
        .allMatch(finding -> finding.what().startsWith("a verdict "));
    assertThat(new Lineage(log).round(4, passed -> {}).round()).isEqualTo(4);
  }

  private Verdict forged(long round) {
    return Verdict.newBuilder()
        .setRound(round)
        .setManifest(log.run().manifest().hash())
        .setRun(log.run().digest())
        .setPrevious(Digests.UNKNOWN)
        .build();
  }

  private AuditReport audit() {
    try (var audit = new Audit(log, Demands.all(), null)) {
      return audit.run(round -> {});
    }
  }
}
