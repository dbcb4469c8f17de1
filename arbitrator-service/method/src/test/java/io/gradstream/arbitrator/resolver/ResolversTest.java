package io.gradstream.arbitrator.resolver;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gradstream.proto.UserError;
import io.gradstream.proto.spec.Section;
import java.util.List;
import java.util.Map;
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

  @Test
  void anUnknownMethodIsTheUsersMistake() {
    assertThatThrownBy(() -> Resolvers.create(Section.of("pcgard", Map.of())))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("pcgrad");
  }
}
