package io.gradstream.proto.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class CatalogTest {
  record Odds(
      @Param("a") OptionalInt a,
      @Param("b") OptionalLong b,
      @Param("c") OptionalDouble c,
      @Param(value = "d", defaultValue = "[]") double[] d) {}

  record Silent(int undocumented) {}

  record Strange(@Param("an object") Object value) {}

  @Test
  void listsWhatItKnowsInOrder() {
    assertThat(Methods.CATALOG.names()).containsExactly("gcond", "sum", "cagrad");
    assertThat(Methods.CATALOG.docOf("sum")).isEqualTo("the weighted sum");
    assertThat(Methods.CATALOG.optionsOf("cagrad")).isEqualTo(Methods.CagradOptions.class);
  }

  @Test
  void describesParametersInWords() {
    final var parameters = Methods.CATALOG.parametersOf("gcond");

    assertThat(parameters)
        .extracting(Parameter::key, Parameter::defaultValue, Parameter::allowed)
        .containsExactly(
            tuple("mode", "smooth", "one of smooth, hard-zones"),
            tuple(
                "thresholds", "[-0.8, -0.5, 0.0]", "a list of numbers, at least -1 and at most 1"),
            tuple("power", "2.0", "a number, above 0"),
            tuple("norm-cap", "", "a number, at least 0"),
            tuple("iterations", "0", "a whole number, at least 0"),
            tuple("raw", "true", "true or false"));
    assertThat(parameters).noneMatch(Parameter::required);
    assertThat(Methods.CATALOG.parametersOf("cagrad")).allMatch(Parameter::required);
  }

  @Test
  void bindsDefaultsAndGivenOptions() {
    final var section = Section.of("gcond", Map.of("mode", Methods.Mode.HARD_ZONES, "norm-cap", 2));

    assertThat(Methods.CATALOG.create(section))
        .isEqualTo(
            new Methods.GcondOptions(
                Methods.Mode.HARD_ZONES, List.of(-0.8, -0.5, 0.0), 2.0, 2.0, 0, true));
  }

  @Test
  void bindsOptionalsAndArrays() {
    final var given =
        Section.of("x", Map.of("a", 1, "b", 1L << 40, "c", 0.5, "d", new double[] {1, 2.5}));

    final var bound = given.bind(Odds.class);

    assertThat(bound.a()).hasValue(1);
    assertThat(bound.b()).hasValue(1L << 40);
    assertThat(bound.c()).hasValue(0.5);
    assertThat(bound.d()).containsExactly(1, 2.5);
    final var absent = Section.of("x", Map.of()).bind(Odds.class);
    assertThat(absent.a()).isEmpty();
    assertThat(absent.b()).isEmpty();
    assertThat(absent.c()).isEmpty();
    assertThat(absent.d()).isEmpty();
  }

  @Test
  void refusesTwoEntriesOfOneName() {
    assertThatThrownBy(() -> Methods.CATALOG.with("sum", NoOptions.class, "again", o -> o))
        .hasMessage("resolver sum is registered twice");
  }

  @Test
  void refusesRecordsThatAreNotDocumented() {
    assertThatThrownBy(() -> Section.of("x", Map.of()).bind(Silent.class))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("undocumented has no @Param");
    assertThatThrownBy(() -> Section.of("x", Map.of()).bind(Strange.class))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("a run spec cannot hold java.lang.Object");
  }

  @Test
  void namesTheParameterAlsoWhereNoSpecWasRead() {
    assertThatThrownBy(() -> new Compute(1, 1, "tpu", "any"))
        .isInstanceOf(SpecError.class)
        .hasMessage("device: \"tpu\" is not allowed; must be cpu, or gpu:0, gpu:1, ...");
  }
}
