package io.gradstream.cli.progress;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.TensorShape;
import io.gradstream.proto.message.RunRecord;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.topic.Connection;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

/** What a reader makes of verdicts on the log; the records are handed to it without a broker. */
class RunReaderTest {
  private static final RunSpec SPEC =
      RunSpec.parse(
          """
          run: r
          rounds: 10
          tasks:
            - {name: first, loss: quadratic}
            - {name: second, loss: quadratic}
          model: toy
          resolver: sum
          optimizer: {type: sgd, learning-rate: 0.1}
          """,
          "test",
          List.of());

  private static final Manifest MANIFEST =
      Manifest.of(
          List.of("first", "second"),
          List.of(new TensorShape("shared", new long[] {4}, TensorShape.SHARED)),
          245_760,
          1);

  private static final ByteString NONE = ByteString.EMPTY;

  private final RunDescription run = RunDescription.of(SPEC, MANIFEST);

  @Test
  void whereRetentionTookTheFirstVerdictsTheOthersCount() {
    final List<Verdict> verdicts = chain(run, 0, NONE, 8);

    final RunSummary summary = read(run, verdicts.subList(5, 8), 5);

    assertThat(summary.rounds()).isEqualTo(8);
    assertThat(summary.goneRounds()).isEqualTo(5);
    assertThat(summary.decidedRounds()).isEqualTo(3);
    assertThat(summary.lastLosses()).containsExactly(7, 7);
    assertThat(new Report("r", 10, summary, 8, "00", 3, 1).table())
        .contains("the verdicts of 5 earlier rounds are gone");
  }

  /** Nothing is gone there, so it was never one of the run's. */
  @Test
  void aLaterVerdictInFrontOfAllIsNotWhereTheRunBegins() {
    final var forged = new ArrayList<>(chain(run, 5, NONE, 2));
    forged.addAll(chain(run, 0, NONE, 2));

    assertThat(read(run, forged, 0).rounds()).isEqualTo(2);
  }

  @Test
  void aForksRoundsCountFromTheVerdictThatItBeginsWith() {
    final Verdict before = chain(run, 4, NONE, 1).getFirst();
    final RunDescription fork =
        RunDescription.of(
            SPEC,
            MANIFEST,
            RunRecord.Origin.newBuilder()
                .setRun("of")
                .setVersion(5)
                .setVerdict(Digests.of(before.toBuilder().setStatisticsOffset(77).build()))
                .setBegins(Digests.of(before))
                .build());
    final var verdicts = new ArrayList<>(List.of(before));
    verdicts.addAll(chain(fork, 5, Digests.of(before), 2));

    final RunSummary summary = read(fork, verdicts, 0);

    assertThat(summary.rounds()).isEqualTo(7);
    assertThat(summary.seenRounds()).isEqualTo(2);
    assertThat(summary.firstLosses()).containsExactly(5, 5);
  }

  private static RunSummary read(RunDescription run, List<Verdict> verdicts, long offset) {
    // Nothing listens there; a reader connects at its first poll only.
    final var connected = new Run(run, Connection.to("127.0.0.1:9"));
    final var topic = new TopicPartition(connected.topics().verdicts(), 0);
    try (var reader = new RunReader(connected)) {
      for (int i = 0; i < verdicts.size(); i++) {
        reader.handle(
            new LogRecord(topic, offset + i, 1000L * i, null, verdicts.get(i).toByteArray()));
      }
      return reader.poll();
    }
  }

  /** Verdicts that follow each other; the losses of each are its round's number. */
  private static List<Verdict> chain(RunDescription run, long from, ByteString before, int count) {
    final var verdicts = new ArrayList<Verdict>();
    ByteString previous = before;
    for (long round = from; round < from + count; round++) {
      final double loss = round;
      final Verdict verdict =
          Verdict.newBuilder()
              .setRound(round)
              .setRun(run.digest())
              .setManifest(run.manifest().hash())
              .setPrevious(previous)
              .addAllLosses(List.of(loss, loss))
              .build();
      verdicts.add(verdict);
      previous = Digests.of(verdict);
    }
    return verdicts;
  }
}
