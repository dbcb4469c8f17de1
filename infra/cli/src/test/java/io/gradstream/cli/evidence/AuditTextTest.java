package io.gradstream.cli.evidence;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.gradstream.audit.check.AuditReport;
import io.gradstream.audit.check.AuditReport.Group;
import io.gradstream.audit.check.Contributions.Share;
import io.gradstream.audit.check.WorkerSpotCheck.Tally;
import io.gradstream.audit.rounds.Contradiction;
import io.gradstream.audit.rounds.Finding;
import io.gradstream.audit.rounds.LoggedRound;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.TensorShape;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.spec.RunSpec;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

/** What an audit prints, also of records that somebody made to mislead who reads it. */
class AuditTextTest {
  private static final String HOSTILE = "\u001b]0;pwned\u0007\u001b[2J\r\u202e";

  private static final RunDescription RUN =
      RunDescription.of(
          RunSpec.parse(
              """
              run: told
              seed: 7
              rounds: 60
              tasks: [{name: a, loss: quadratic}]
              accumulation: {mode: sequential, micro-batches: 2, batch-size: 1}
              model: {type: toy}
              resolver: {method: sum}
              optimizer: {type: sgd, learning-rate: 0.02}
              """,
              "test",
              List.of()),
          Manifest.of(
              List.of("a"),
              List.of(new TensorShape("w", new long[] {4}, TensorShape.SHARED)),
              16,
              1));

  private final List<Finding> findings = new ArrayList<>();
  private final SortedMap<String, SortedMap<Integer, Share>> contributions = new TreeMap<>();
  private final SortedMap<Contradiction, Long> contradictions = new TreeMap<>();

  @Test
  void namesFromTopicsMoveNoCursor() {
    find(Finding.Kind.GRADIENT, 1, "a slot by " + HOSTILE);
    contributions.put(HOSTILE, new TreeMap<>(Map.of(0, new Share(1, 1, 1))));
    contradictions.put(new Contradiction(HOSTILE, HOSTILE), 1L);

    final String text = text(10).table();

    assertThat(text.replace(System.lineSeparator(), "").chars())
        .noneMatch(Character::isISOControl)
        .noneMatch(each -> Character.getType(each) == Character.FORMAT);
    assertThat(text).contains("refused").contains("recomputed").contains("\\u001b]0;pwned");
    assertThat(text(10).json()).doesNotContain("\u001b").doesNotContain("\u0007");
  }

  @Test
  void whatExplainSaysMovesNoCursorEither() {
    final var source = new TopicPartition(HOSTILE, 0);
    final var record = new LogRecord(source, 0, 0, new byte[0], new byte[0]);
    final Verdict skipped =
        Verdict.newBuilder().setSkipped(true).setSkippedBecause(HOSTILE).build();
    find(Finding.Kind.ORDER, 0, "by " + HOSTILE);

    final String text =
        new RoundText(RUN, new LoggedRound(skipped, record, List.of()), List.of(), findings).text();

    assertThat(text.replace(System.lineSeparator(), "").chars()).noneMatch(Character::isISOControl);
    assertThat(text).contains("passed over").contains("\\u001b]0;pwned");
  }

  @Test
  void eachKindOfFindingHasItsPlace() {
    for (int i = 0; i < 5; i++) {
      find(Finding.Kind.WEIGHTS, i, "weights " + i);
    }
    find(Finding.Kind.SEAL, 9, "a seal");
    for (int i = 0; i < 500; i++) {
      find(Finding.Kind.VALIDATION, i, "losses " + i);
    }

    assertThat(text(4).table().lines().limit(6))
        .containsExactly(
            "run told: 506 findings",
            "  round 0, told.weights-0 at offset 0: weights 0",
            "  round 1, told.weights-0 at offset 0: weights 1",
            "  round 9, told.seal-0 at offset 0: a seal",
            "  round 0, told.validation-0 at offset 0: losses 0",
            "  and 502 more; in all 5 weights on told.weights, 1 seal on told.seal, "
                + "500 validation on told.validation");
    assertThat(text(0).table().lines().skip(1).findFirst().orElseThrow())
        .startsWith("  and 506 more");
    assertThat(text(1_000).table()).contains("losses 499").doesNotContain(" more; in all");
    assertThat(text(4).json()).contains("losses 499").contains("\"count\":500");
  }

  @Test
  void whoseGradientCountedIsSaidBesideWhoseCameLater() {
    contradictions.put(new Contradiction("late", "first"), 3L);
    for (int i = 0; i < 20; i++) {
      contradictions.put(new Contradiction("late", "other" + i), 1L);
    }

    assertThat(text(10).table().lines().filter(line -> line.startsWith("contradicts")))
        .hasSize(11)
        .startsWith(
            "contradicts 3 records by late have other values than those by first, which came first and counted")
        .endsWith("contradicts and 11 more pairs of workers");
  }

  @Test
  void aWorkerWithoutANameIsSaidToHaveNone() {
    contributions.put("", new TreeMap<>(Map.of(0, new Share(720, 720, 1))));

    assertThat(text(10).table())
        .contains("(no name)")
        .contains("720 slots by (no name), 9359@vm/0");
  }

  @Test
  void roundsWithNothingButPassedOverRecordsAreProven() {
    find(Finding.Kind.ORDER, 2, "nobody's");

    assertThat(text(10).table())
        .contains("proven      60 of 60 rounds; no finding is on what decides their weights");
  }

  private void find(Finding.Kind kind, long round, String what) {
    final String topic =
        kind == Finding.Kind.WEIGHTS
            ? "told.weights"
            : "told." + kind.name().toLowerCase(Locale.ROOT);
    findings.add(Finding.of(kind, round, new TopicPartition(topic, 0), 0, what));
  }

  private AuditText text(int shown) {
    final var order = new LinkedHashMap<Group, Long>();
    findings.forEach(
        each -> order.merge(new Group(each.kind(), each.where().topic()), 1L, Long::sum));
    final List<Group> sequence = List.copyOf(order.keySet());
    final SortedMap<Group, Long> inOrder =
        new TreeMap<>(Comparator.comparingInt(sequence::indexOf));
    inOrder.putAll(order);
    return new AuditText(
        RUN,
        new AuditReport(
            0,
            60,
            60,
            findings,
            findings.size(),
            inOrder,
            new TreeMap<>(),
            List.of(),
            contributions,
            new TreeMap<>(Map.of(1L, new TreeMap<>(Map.of("", 360L, "9359@vm/0", 360L)))),
            Map.of(HOSTILE, 1L),
            contradictions,
            61,
            0,
            61,
            0,
            ByteString.EMPTY,
            "",
            new TreeMap<>(Map.of(HOSTILE, new Tally(1, 1, 0, 0)))),
        1,
        1,
        shown);
  }
}
