package io.gradstream.arbitrator.round;

import static org.assertj.core.api.Assertions.assertThat;

import io.gradstream.proto.message.ShardStatistics.Contribution;
import java.util.Set;
import org.junit.jupiter.api.Test;

class DivergenceTest {
  private static final Set<String> ALICE = Set.of("alice");
  private static final Set<String> BOTH = Set.of("alice", "bob");

  private final Divergence divergence = new Divergence();
  private long offset;

  private void refuse(String worker, int standstills) {
    divergence.add(
        Contribution.newBuilder()
            .setTask(1)
            .setSlot(2)
            .setWorker(worker)
            .setOffset(offset++)
            .build(),
        standstills);
  }

  @Test
  void twoWorkersShowIt() {
    refuse("alice/0", 0);
    assertThat(divergence.certain(BOTH)).isEmpty();

    refuse("bob/0", 0);

    assertThat(divergence.certain(BOTH).orElseThrow())
        .extracting(Contribution::getWorker)
        .containsExactly("alice/0", "bob/0");
  }

  @Test
  void theThreadsOfAWorkerAreOneWorker() {
    refuse("alice/0", 0);
    refuse("alice/1", 0);

    assertThat(divergence.certain(ALICE)).isEmpty();
  }

  @Test
  void aWorkerThatWorksAloneShowsItThreeTimes() {
    refuse("alice/0", 0);
    refuse("alice/0", 0);
    assertThat(divergence.certain(ALICE)).isEmpty();

    refuse("alice/1", 0);

    assertThat(divergence.certain(ALICE)).isPresent();
  }

  /** Somebody who works beside it would have answered the order that went out again. */
  @Test
  void aWorkerBesideOthersCannotShowItAloneHoweverMuchItSends() {
    for (int i = 0; i < 100; i++) {
      refuse("alice/0", 0);
    }
    assertThat(divergence.certain(BOTH)).isEmpty();
    refuse("alice/0", 1);
    assertThat(divergence.certain(BOTH)).isEmpty();

    refuse("alice/0", 2);

    assertThat(divergence.certain(BOTH).orElseThrow()).hasSize(Divergence.ATTEMPTS);
  }

  @Test
  void oneRecordReadTwiceIsOne() {
    for (int i = 0; i < 3; i++) {
      offset = 5;
      refuse("alice/0", 0);
    }

    assertThat(divergence.certain(ALICE)).isEmpty();
  }

  @Test
  void aFiniteGradientDisprovesIt() {
    refuse("alice/0", 0);
    divergence.disproved(1, 2);
    refuse("bob/0", 0);

    assertThat(divergence.certain(BOTH)).isEmpty();
  }

  @Test
  void whatWasRefusedIsKnownAfterARestart() {
    refuse("alice/0", 0);
    final var restored = new Divergence();
    restored.restore(divergence.save());
    restored.add(
        Contribution.newBuilder().setTask(1).setSlot(2).setWorker("bob/0").setOffset(9).build(), 0);

    assertThat(restored.certain(BOTH)).isPresent();
  }
}
