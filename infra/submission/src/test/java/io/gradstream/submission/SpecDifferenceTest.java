package io.gradstream.submission;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class SpecDifferenceTest {
  @Test
  void namesTheKeysThatDiffer() {
    assertThat(
            SpecDifference.between(
                "rounds: 300\nmomentum: {beta: 0.9}\n", "rounds: 400\nmomentum: {beta: 0.8}\n"))
        .containsExactly("rounds: 300 there, 400 here", "momentum.beta: 0.9 there, 0.8 here");
  }

  @Test
  void namesWhatIsOnOneSideOnly() {
    assertThat(SpecDifference.between("rounds: 1\n", "rounds: 1\nclip-norm: 2.0\n"))
        .containsExactly("clip-norm: nothing there, 2.0 here");
  }

  @Test
  void takesTheNumberOfWorkersForNoDifference() {
    assertThat(
            SpecDifference.between(
                "compute: {workers: 1, device: cpu}\n", "compute: {workers: 4, device: cpu}\n"))
        .isEmpty();
  }
}
