package io.gradstream.arbitrator.topology;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.message.Verdict;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class LastVerdictTest {
  private static final ByteString RUN = ByteString.copyFromUtf8("run");

  private final List<Verdict> honest = chain(10);

  @Test
  void theLastOneOfAChainIsWhereTheRunGoesOn() {
    assertThat(LastVerdict.find(honest, RUN, this::isFirst)).contains(honest.getLast());
    assertThat(LastVerdict.find(honest.subList(3, 10), RUN, none -> false))
        .contains(honest.getLast());
  }

  @Test
  void aVerdictOfARoundThatHasNotComeDoesNotCount() {
    final var forged = new ArrayList<>(honest);
    forged.add(Verdict.newBuilder().setRound(40).setManifest(1).build());
    forged.add(
        Verdict.newBuilder()
            .setRound(41)
            .setRun(RUN)
            .setPrevious(Digests.of(honest.get(8)))
            .setManifest(1)
            .build());

    assertThat(LastVerdict.find(forged, RUN, this::isFirst)).contains(honest.getLast());
  }

  @Test
  void aVerdictOfAnotherRunDoesNotCount() {
    final var forged = new ArrayList<>(honest);
    forged.add(
        Verdict.newBuilder()
            .setRound(10)
            .setRun(ByteString.copyFromUtf8("another"))
            .setPrevious(Digests.of(honest.getLast()))
            .setManifest(1)
            .build());

    assertThat(LastVerdict.find(forged, RUN, this::isFirst)).contains(honest.getLast());
  }

  @Test
  void theFirstOneOfALogNeedsNoneBeforeIt() {
    assertThat(LastVerdict.find(honest.subList(0, 1), RUN, this::isFirst))
        .contains(honest.getFirst());
    assertThat(LastVerdict.find(honest.subList(5, 6), RUN, honest.get(5)::equals))
        .contains(honest.get(5));
    assertThat(LastVerdict.find(honest.subList(5, 6), RUN, none -> false)).isEmpty();
    assertThat(LastVerdict.find(List.of(), RUN, this::isFirst)).isEmpty();
  }

  /** Who writes before the run has begun does not decide where it begins. */
  @Test
  void aForgedVerdictInFrontOfAllIsNotWhereTheRunBegins() {
    final Verdict ahead = Verdict.newBuilder().setRound(30).setRun(RUN).setManifest(1).build();
    final var forged = new ArrayList<>(List.of(ahead));
    assertThat(LastVerdict.find(forged, RUN, this::isFirst)).isEmpty();

    forged.addAll(honest);
    assertThat(LastVerdict.find(forged, RUN, this::isFirst)).contains(honest.getLast());
  }

  private boolean isFirst(Verdict verdict) {
    return verdict.getRound() == 0 && verdict.getPrevious().isEmpty();
  }

  private static List<Verdict> chain(int rounds) {
    final var verdicts = new ArrayList<Verdict>();
    for (int round = 0; round < rounds; round++) {
      final var verdict = Verdict.newBuilder().setRound(round).setRun(RUN).setManifest(1);
      if (round > 0) {
        verdict.setPrevious(Digests.of(verdicts.getLast()));
      }
      verdicts.add(verdict.build());
    }
    return verdicts;
  }
}
