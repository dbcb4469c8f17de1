package io.gradstream.arbitrator.topology;

import static org.assertj.core.api.Assertions.assertThat;

import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.message.Verdict;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class LastVerdictTest {
  private final List<Verdict> honest = chain(10);

  @Test
  void theLastOneOfAChainIsWhereTheRunGoesOn() {
    assertThat(LastVerdict.find(honest, true)).contains(honest.getLast());
    assertThat(LastVerdict.find(honest.subList(3, 10), false)).contains(honest.getLast());
  }

  @Test
  void aVerdictOfARoundThatHasNotComeDoesNotCount() {
    final var forged = new ArrayList<>(honest);
    forged.add(Verdict.newBuilder().setRound(40).setManifest(1).build());
    forged.add(
        Verdict.newBuilder()
            .setRound(41)
            .setPrevious(Digests.of(honest.get(8)))
            .setManifest(1)
            .build());

    assertThat(LastVerdict.find(forged, true)).contains(honest.getLast());
  }

  @Test
  void theFirstOneOfALogNeedsNoneBeforeIt() {
    assertThat(LastVerdict.find(honest.subList(0, 1), true)).contains(honest.getFirst());
    assertThat(LastVerdict.find(honest.subList(5, 6), true)).contains(honest.get(5));
    assertThat(LastVerdict.find(honest.subList(5, 6), false)).isEmpty();
    assertThat(LastVerdict.find(List.of(), true)).isEmpty();
  }

  private static List<Verdict> chain(int rounds) {
    final var verdicts = new ArrayList<Verdict>();
    for (int round = 0; round < rounds; round++) {
      final var verdict = Verdict.newBuilder().setRound(round).setManifest(1);
      if (round > 0) {
        verdict.setPrevious(Digests.of(verdicts.getLast()));
      }
      verdicts.add(verdict.build());
    }
    return verdicts;
  }
}
