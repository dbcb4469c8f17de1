package io.gradstream.arbitrator.resolver;

import static io.gradstream.arbitrator.resolver.MethodInfo.Need.EXCESS;
import static io.gradstream.arbitrator.resolver.MethodInfo.Need.LOSSES;
import static io.gradstream.arbitrator.resolver.MethodInfo.Need.PREVIOUS;
import static io.gradstream.arbitrator.resolver.MethodInfo.Need.RANDOM;
import static io.gradstream.arbitrator.resolver.MethodInfo.Need.SAMPLES;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gradstream.arbitrator.linalg.Matrices;
import io.gradstream.proto.UserError;
import io.gradstream.proto.spec.Section;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ResolversTest {

  static List<String> names() {
    return Resolvers.CATALOG.names();
  }

  @ParameterizedTest
  @MethodSource("names")
  void everyMethodSaysWhatItIsAndRunsWithItsDefaults(String name) {
    assertThat(Resolvers.infoOf(name).paper()).isNotBlank();
    assertThat(Resolvers.CATALOG.docOf(name)).isNotBlank();

    Resolver resolver = Resolvers.create(Section.of(name, Map.of()));
    var round = RandomRound.draw(3, 10, RandomRound.Kind.OPPOSED, 0, 1);
    Resolution resolution = resolver.resolve(round.statistics(), resolver.initialState(3));

    boolean elementwise = Resolvers.infoOf(name).space() == MethodInfo.Space.ELEMENTWISE;
    assertThat(resolution.weights()).hasSize(elementwise ? 0 : 3);
    assertThat(resolver instanceof ElementwiseResolver).isEqualTo(elementwise);
    assertThat(resolution.fallback()).isNull();
  }

  @ParameterizedTest
  @MethodSource("names")
  void lossOnlyMethodsDoNotLookAtInnerProducts(String name) {
    if (Resolvers.infoOf(name).space() != MethodInfo.Space.LOSS_ONLY) {
      return;
    }
    Resolver resolver = Resolvers.create(Section.of(name, Map.of()));
    var round = RandomRound.draw(3, 10, RandomRound.Kind.OPPOSED, 0, 1);

    double[] weights = resolver.resolve(round.statistics(), resolver.initialState(3)).weights();
    double[] withOthers =
        resolver.resolve(round.scaled(9).statistics(), resolver.initialState(3)).weights();

    assertThat(weights).containsExactly(withOthers);
  }

  /** Each part of the statistics is changed alone: whoever says nothing of it answers the same. */
  @ParameterizedTest
  @MethodSource("names")
  void aMethodReadsOfARoundWhatItSaysItNeeds(String name) {
    for (MethodInfo.Need need : MethodInfo.Need.values()) {
      boolean same =
          answers(name, round -> round).equals(answers(name, round -> changed(round, need)));

      assertThat(same).as(need.words()).isNotEqualTo(Resolvers.infoOf(name).needs().contains(need));
    }
  }

  private static List<Double> answers(String name, UnaryOperator<RoundStatistics> change) {
    Resolver resolver = Resolvers.create(Section.of(name, Map.of()));
    MethodState state = resolver.initialState(3);
    var answers = new ArrayList<Double>();
    for (int k = 0; k < 4; k++) {
      RandomRound drawn = RandomRound.draw(3, 10, RandomRound.Kind.OPPOSED, 0, k + 1);
      RoundStatistics round = change.apply(drawn.statistics(k, drawn.gram()));
      Resolution resolution = resolver.resolve(round, state);
      state = resolution.state();
      Arrays.stream(resolution.weights()).forEach(answers::add);
      state.values().values().forEach(numbers -> Arrays.stream(numbers).forEach(answers::add));
      resolution.arbitrations().forEach(pair -> answers.add(pair.firstScore()));
      if (resolver instanceof ElementwiseResolver elementwise) {
        double[] update = new double[10];
        elementwise.combine(round.seed(), k, 0, drawn.gradients(), update);
        Arrays.stream(update).forEach(answers::add);
      }
    }
    return answers;
  }

  private static RoundStatistics changed(RoundStatistics round, MethodInfo.Need need) {
    double[] unequal = {0.5, 2, 3};
    double[] losses = round.losses().clone();
    double[] excess = round.excess().clone();
    double[][] cross = Matrices.scaled(round.cross(), need == PREVIOUS ? -0.5 : 1);
    double[][] independent = Matrices.scaled(round.independent(), 1);
    for (int i = 0; i < 3; i++) {
      losses[i] *= need == LOSSES ? unequal[i] : 1;
      excess[i] *= need == EXCESS ? unequal[i] : 1;
      independent[i][i] *= need == SAMPLES ? unequal[i] : 1;
    }
    return new RoundStatistics(
        round.round(),
        3,
        round.gram(),
        cross,
        losses,
        round.seed() + (need == RANDOM ? 1 : 0),
        independent,
        excess);
  }

  @Test
  void anUnknownMethodIsTheUsersMistake() {
    assertThatThrownBy(() -> Resolvers.create(Section.of("pcgard", Map.of())))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("pcgrad");
  }
}
