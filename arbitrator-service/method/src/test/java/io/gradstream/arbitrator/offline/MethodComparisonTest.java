package io.gradstream.arbitrator.offline;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.offset;

import io.gradstream.arbitrator.resolver.Resolvers;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class MethodComparisonTest {
  private static final List<List<Double>> CONFLICT = List.of(List.of(1.0, 0.0), List.of(-2.0, 1.0));

  @Test
  void hasARowForEveryMethodInTheCatalogsOrder() {
    assertThat(MethodComparison.of(example(CONFLICT, List.of(1.0, 2.0))))
        .extracting(MethodComparison.Row::method)
        .containsExactlyElementsOf(Resolvers.CATALOG.names());
  }

  @Test
  void measuresTheUpdateAndWhomItWorksAgainst() {
    MethodComparison.Row sum = row("sum", example(CONFLICT, List.of(1.0, 2.0)));

    // The sum is (-1, 1): it works against the first task, whose gradient is (1, 0).
    assertThat(sum.weights()).containsExactly(1, 1);
    assertThat(sum.norm()).isEqualTo(Math.sqrt(2), offset(1e-12));
    assertThat(sum.smallestCosine()).isEqualTo(-Math.sqrt(0.5), offset(1e-12));
    assertThat(sum.note()).isEmpty();
    assertThat(row("upgrad", example(CONFLICT, List.of(1.0, 2.0))).smallestCosine())
        .isGreaterThan(-1e-3);
  }

  @Test
  void showsTheLastOfSeveralSteps() {
    Map<String, ?> first = Map.of("gradients", CONFLICT, "losses", List.of(4.0, 4.0));
    Map<String, ?> last = Map.of("gradients", CONFLICT, "losses", List.of(1.0, 2.0));
    var both = GradientCase.of(Map.of("id", "a", "method", "sum", "steps", List.of(first, last)));

    assertThat(row("si", both).weights()).containsExactly(1, 0.5);
  }

  @Test
  void saysWhereAMethodHasNoAnswerNoWeightsOrRefuses() {
    GradientCase zero = example(List.of(List.of(1.0, 0.0), List.of(0.0, 0.0)), null);

    assertThat(row("mgda", zero).note()).endsWith("is left out (GRADIENTS)");
    assertThat(row("graddrop", zero).note()).isEqualTo("by element");
    assertThat(row("si", zero).note()).startsWith("refused: ").contains("losses");
    assertThat(row("krum", zero).note()).startsWith("refused: ").contains("tasks");
    assertThat(row("krum", zero).norm()).isNaN();
  }

  @Test
  void leavesAsideWhatTheCaseSaysOfAnotherMethod() {
    var plain = example(CONFLICT, List.of(1.0, 2.0));
    var other =
        GradientCase.of(
            Map.of(
                "id",
                "a",
                "method",
                "cagrad",
                "variant",
                "libmtl",
                "params",
                Map.of("calpha", 0.9),
                "steps",
                List.of(Map.of("gradients", CONFLICT, "losses", List.of(1.0, 2.0)))));

    assertThat(row("cagrad", other).weights()).containsExactly(row("cagrad", plain).weights());
  }

  private static MethodComparison.Row row(String method, GradientCase source) {
    return MethodComparison.of(source).stream()
        .filter(row -> row.method().equals(method))
        .findFirst()
        .orElseThrow();
  }

  private static GradientCase example(List<List<Double>> gradients, @Nullable List<Double> losses) {
    Map<String, ?> step =
        losses == null
            ? Map.of("gradients", gradients)
            : Map.of("gradients", gradients, "losses", losses);
    return GradientCase.of(Map.of("id", "a", "method", "sum", "steps", List.of(step)));
  }
}
