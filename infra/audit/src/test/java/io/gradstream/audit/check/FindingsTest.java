package io.gradstream.audit.check;

import static org.assertj.core.api.Assertions.assertThat;

import io.gradstream.audit.rounds.Finding;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

class FindingsTest {
  private static final long ROUNDS = 60;

  @Test
  void aFloodOfRecordsThatDecideNothingHidesNoDamage() {
    final var findings = new Findings(Demands.all(), ROUNDS);
    for (int i = 0; i < 3 * AuditReport.MAX_FINDINGS; i++) {
      findings.add(finding(Finding.Kind.VALIDATION, 3, "metrics"));
    }
    findings.add(finding(Finding.Kind.ORDER, 7, "weights"));
    findings.add(finding(Finding.Kind.SEAL, 7, "weights"));

    assertThat(findings.kept()).hasSize(AuditReport.MAX_FINDINGS + 2);
    assertThat(findings.kept().getFirst().kind()).isEqualTo(Finding.Kind.SEAL);
    assertThat(findings.kept().getLast().kind()).isEqualTo(Finding.Kind.ORDER);
    assertThat(findings.count()).isEqualTo(3L * AuditReport.MAX_FINDINGS + 2);
    assertThat(findings.groups())
        .containsEntry(
            new AuditReport.Group(Finding.Kind.VALIDATION, "metrics"),
            3L * AuditReport.MAX_FINDINGS);
    assertThat(findings.groups().firstKey().kind()).isEqualTo(Finding.Kind.SEAL);
  }

  @Test
  void aRoundIsBrokenByDamageAndNotByWhatNobodyTook() {
    final var findings = new Findings(Demands.all(), ROUNDS);
    findings.add(finding(Finding.Kind.ORDER, 3, "updates"));
    findings.add(finding(Finding.Kind.UPDATE, 4, "updates"));
    findings.add(finding(Finding.Kind.UPDATE, 1L << 62, "updates"));

    assertThat(findings.byRound()).containsOnlyKeys(4L);
  }

  @Test
  void whereSomeRoundsAreAskedForWhatConcernsOthersIsCountedInALine() {
    final var findings = new Findings(Demands.rounds(10, 20), ROUNDS);
    findings.add(finding(Finding.Kind.ORDER, 9, "weights"));
    findings.add(finding(Finding.Kind.VALIDATION, 21, "metrics"));
    findings.add(finding(Finding.Kind.ORDER, 10, "weights"));
    findings.add(finding(Finding.Kind.GRADIENT, 2, "gradients.a")); // later sums are made of it

    assertThat(findings.kept()).extracting(Finding::round).containsExactly(2L, 10L);
    assertThat(findings.notes())
        .containsExactly(
            "2 findings are left out: they are on records of other rounds that decide nothing");
  }

  private static Finding finding(Finding.Kind kind, long round, String topic) {
    return Finding.of(kind, round, new TopicPartition(topic, 0), 0, "odd");
  }
}
