package io.gradstream.arbitrator.resolver;

import static org.assertj.core.api.Assertions.assertThat;

import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.arbitrator.linalg.Matrices;
import io.gradstream.proto.spec.Section;
import java.util.Map;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** Updates that no task may have an angle of more than 90 degrees with. */
class NoConflictTest {

  @Provide
  Arbitrary<RandomRound> any() {
    return RandomRound.any();
  }

  @Property(tries = 3000)
  void mgdaConflictsWithNoTask(@ForAll("any") RandomRound round) {
    double[] weights =
        Resolvers.create(Section.of("mgda", Map.of()))
            .resolve(round.statistics(), MethodState.EMPTY)
            .weights();
    double[] update = round.combine(weights);
    if (round.cancels(update, weights)) {
      return;
    }
    for (double[] gradient : round.gradients()) {
      double rounding =
          1e-12 * Math.sqrt(DoubleVectors.dot(gradient, gradient)) * round.size(weights);
      assertThat(DoubleVectors.dot(gradient, update)).isGreaterThanOrEqualTo(-rounding);
    }
  }

  @Property(tries = 3000)
  void upgradConflictsWithNoTaskBeyondItsRegularisation(@ForAll("any") RandomRound round) {
    assertDualCone("upgrad", round);
  }

  @Property(tries = 3000)
  void dualprojConflictsWithNoTaskBeyondItsRegularisation(@ForAll("any") RandomRound round) {
    assertDualCone("dualproj", round);
  }

  /** With H = G / trace + reg I and H v >= 0, no inner product lies below -reg trace v. */
  private static void assertDualCone(String method, RandomRound round) {
    double reg = 1e-4;
    double trace = Matrices.trace(round.gram());
    double[] weights =
        Resolvers.create(Section.of(method, Map.of("norm-eps", 0.0, "reg-eps", reg)))
            .resolve(round.statistics(), MethodState.EMPTY)
            .weights();
    double[] update = round.combine(weights);
    for (int i = 0; i < round.tasks(); i++) {
      double allowed = (reg * weights[i] + 1e-11 * DoubleVectors.sum(weights)) * trace;
      assertThat(DoubleVectors.dot(round.gradients()[i], update)).isGreaterThanOrEqualTo(-allowed);
    }
  }
}
