package io.gradstream.proto.spec;

import static io.gradstream.proto.spec.MistakesTest.assertMistake;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AssignmentTest {
  private static final String SPEC =
      """
      run: r
      rounds: 300
      tasks:
        - {name: l1, loss: masked-l1}
        - {name: ssim, loss: masked-ssim}
      model: {type: toy}
      resolver: {method: gcond, thresholds: [-0.8, -0.5, 0.0], iterations: 3}
      optimizer: {type: sgd}
      """;

  private static RunSpec with(String... assignments) {
    return RunSpec.parse(SPEC, "x.yaml", List.of(assignments));
  }

  @Test
  void replacesAndAddsValues() {
    final var spec = with("rounds=5", "run=42", "momentum.beta=0.5", "clip-norm=1e-1");

    assertThat(spec.rounds()).isEqualTo(5);
    assertThat(spec.run()).isEqualTo("42");
    assertThat(spec.momentum().beta()).isEqualTo(0.5);
    assertThat(spec.clipNorm()).isEqualTo(0.1);
  }

  @Test
  void takesTheLastOfSeveral() {
    assertThat(with("rounds=5", "rounds=6").rounds()).isEqualTo(6);
  }

  @Test
  void takesAnOptionalValueAwayWithNull() {
    assertThat(with("clip-norm=1", "clip-norm=null").clipNorm()).isNull();
    assertThat(with("clip-norm=1", "clip-norm=").clipNorm()).isNull();
  }

  @Test
  void findsTasksByNameAndByIndex() {
    final var spec = with("tasks.ssim.weight=2", "tasks.0.weight=3");

    assertThat(spec.tasks()).extracting(TaskSpec::weight).containsExactly(3.0, 2.0);
  }

  @Test
  void findsListItemsByIndex() {
    final var options = Methods.CATALOG.create(with("resolver.thresholds.1=-0.6").resolver());

    assertThat(options).extracting("thresholds").isEqualTo(List.of(-0.8, -0.6, 0.0));
    assertThat(options).extracting("iterations").isEqualTo(3);
  }

  @Test
  void takesListsAndKeysAsYaml() {
    final var spec = with("resolver.thresholds=[-0.9, 0]", "momentum={mode: pure}");

    assertThat(Methods.CATALOG.create(spec.resolver()))
        .extracting("thresholds")
        .isEqualTo(List.of(-0.9, 0.0));
    assertThat(spec.momentum().mode()).isEqualTo(Momentum.Mode.PURE);
  }

  @Test
  void givesABareSectionOptions() {
    assertThat(with("tasks.l1.loss.window=7").tasks().getFirst().loss())
        .isEqualTo(Section.of("masked-l1", Map.of("window", 7)));
    assertThat(with("calibrator.method=vargrad", "calibrator.gamma=0.5").calibrator())
        .isEqualTo(Section.of("vargrad", Map.of("gamma", 0.5)));
  }

  @Test
  void dropsTheOptionsOfTheOldKind() {
    assertThat(with("resolver.method=sum").resolver()).isEqualTo(Section.of("sum", Map.of()));
    assertThat(with("resolver=sum").resolver()).isEqualTo(Section.of("sum", Map.of()));
  }

  @Test
  void keepsTheOptionsWhenTheKindStays() {
    assertThat(with("resolver.method=gcond")).isEqualTo(with());
  }

  @Test
  void keepsOptionsFromTheCommandLineInAnyOrder() {
    final var cagrad = Section.of("cagrad", Map.of("calpha", 0.4));

    assertThat(with("resolver.method=cagrad", "resolver.calpha=0.4").resolver()).isEqualTo(cagrad);
    assertThat(with("resolver.calpha=0.4", "resolver.method=cagrad").resolver()).isEqualTo(cagrad);
  }

  @Test
  void findsTheKeysOfWhatIsWrittenShort() {
    final var weights =
        with("initial-weights=a.safetensors", "initial-weights.strict=false").initialWeights();

    assertThat(weights)
        .isEqualTo(new InitialWeights("a.safetensors", false, List.of()))
        .isEqualTo(with("initial-weights={file: a.safetensors, strict: false}").initialWeights());
    final var spec = with("initial-weights=a.safetensors");
    assertThat(RunSpec.parse(spec.text(), "topic r.spec", List.of())).isEqualTo(spec);
    assertMistake(
        () -> with("initial-weights=[a]"),
        "--set initial-weights=[a]: initial-weights: expected keys (file, strict, names), found a list");
  }

  @Test
  void isPartOfTheWrittenSpec() {
    final var spec = with("resolver.method=sum", "rounds=7");

    assertThat(RunSpec.parse(spec.text(), "topic r.spec", List.of())).isEqualTo(spec);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          rounds=0 | --set rounds=0: rounds: 0 is out of range; must be at least 1
          ruonds=1 | --set ruonds=1: ruonds: unknown key; did you mean "rounds"? Known: run, seed, rounds, tasks, accumulation, model, initial-weights, data, resolver, calibrator, selection, momentum, clip-norm, max-norm-ratio, on-divergence, optimizer, schedule, scope, evaluation, compute, transport, orders, keys
          momentum.bta=1 | --set momentum.bta=1: momentum.bta: unknown key; did you mean "beta"? Known: mode, beta
          tasks.ssim.weigth=1 | --set tasks.ssim.weigth=1: tasks.1.weigth: unknown key; did you mean "weight"? Known: name, loss, weight, output, target, micro-batches, batch-size, data
          rounds | --set rounds: expected key=value, such as --set resolver.method=sum
          =1 | --set =1: expected key=value, such as --set resolver.method=sum
          a..b=1 | --set a..b=1: expected key=value, such as --set resolver.method=sum
          rounds.x=1 | --set rounds.x=1: rounds is 300, which has no "x" to set
          tasks.l3.weight=1 | --set tasks.l3.weight=1: tasks has no item "l3"; it has 2 (l1, ssim)
          tasks.2.weight=1 | --set tasks.2.weight=1: tasks has no item "2"; it has 2 (l1, ssim)
          resolver.thresholds.3=1 | --set resolver.thresholds.3=1: resolver.thresholds has no item "3"; it has 3
          rounds=[1 | --set rounds=[1: not YAML: expected ',' or ']', but got <stream end>
          resolver.method=[sum] | --set resolver.method=[sum]: resolver.method: expected a name, found a list
          """)
  void answersMistakesInOneLine(String assignment, String message) {
    assertMistake(() -> with(assignment), message);
  }
}
