package io.gradstream.proto.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gradstream.proto.UserError;
import io.gradstream.proto.kernels.ValueType;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RunSpecTest {
  private static final String SMALLEST =
      """
      run: r
      rounds: 3
      tasks: [{name: a, loss: masked-l1}]
      model: {type: toy}
      resolver: sum
      optimizer: {type: sgd, learning-rate: 1e-3}
      """;

  @Test
  void takesDefaultsForWhatIsNotSaid() {
    final var spec = RunSpec.parse(SMALLEST, "x.yaml", List.of());

    assertThat(spec.seed()).isEqualTo(1);
    assertThat(spec.tasks().getFirst().weight()).isEqualTo(1.0);
    assertThat(spec.accumulation())
        .isEqualTo(new Accumulation(Accumulation.Mode.SEQUENTIAL, 4, 16, Accumulation.Groups.ONE));
    assertThat(spec.calibrator().kind()).isEqualTo("none");
    assertThat(spec.momentum()).isEqualTo(new Momentum(Momentum.Mode.INTEGRATED, 0.9));
    assertThat(spec.clipNorm()).isNull();
    assertThat(spec.schedule())
        .isEqualTo(new LearningRateSchedule(0, LearningRateSchedule.Decay.CONSTANT, 0));
    assertThat(spec.scope()).isEqualTo(Scope.SHARED);
    assertThat(spec.evaluation().every()).isZero();
    assertThat(spec.compute()).isEqualTo(new Compute(1, 1, "cpu", "any"));
    assertThat(spec.transport().valueType()).isEqualTo(ValueType.FLOAT32);
    assertThat(spec.transport().processing()).isEqualTo(Transport.Processing.AT_LEAST_ONCE);
    assertThat(spec.transport().retentionHours()).isNull();
    assertThat(spec.orders().timeoutMs()).isEqualTo(30_000);
  }

  @Test
  void writesEveryValueCanonically() {
    final var spec =
        RunSpec.parse(
            SMALLEST, "x.yaml", List.of("clip-norm=2", "model.path='a b: \"c\"'", "seed=-7"));

    assertThat(spec.text())
        .isEqualTo(
            """
            run: r
            seed: -7
            rounds: 3
            tasks:
              - {name: a, loss: masked-l1, weight: 1.0}
            accumulation: {mode: sequential, micro-batches: 4, batch-size: 16, groups: 1}
            model: {type: toy, path: "a b: \\"c\\""}
            data: none
            resolver: sum
            calibrator: none
            selection: none
            momentum: {mode: integrated, beta: 0.9}
            clip-norm: 2.0
            on-divergence: stop
            optimizer: {type: sgd, learning-rate: 1e-3}
            schedule: {warmup-rounds: 0, decay: constant, floor: 0.0}
            scope: shared
            evaluation: {every: 0, samples: 512}
            compute: {workers: 1, intra-op-threads: 1, device: cpu, arithmetic: any}
            transport: {partitions: 1, value-type: float32, shard-values: 245760, \
            processing: at-least-once, held-max-bytes: 268435456, \
            replication: 1, standby-replicas: 0}
            orders: {timeout-ms: 30000}
            keys: []
            """);
  }

  @ParameterizedTest
  @ValueSource(strings = {"digits-mae.yaml", "toy.yaml"})
  void readsItsOwnTextBackAsTheSameSpec(String file) {
    final var spec = RunSpec.read(Path.of("../../infra/runs", file), List.of());

    final var again = RunSpec.parse(spec.text(), "topic " + spec.run() + ".spec", List.of());

    assertThat(again).isEqualTo(spec);
    assertThat(again.text()).isEqualTo(spec.text());
  }

  @Test
  void makesAnEqualSpecInCodeAndInYaml() {
    final var written = RunSpec.parse(SMALLEST, "x.yaml", List.of());
    final var task = new TaskSpec("a", Section.of("masked-l1", Map.of()), 1.0);

    assertThat(written.tasks()).containsExactly(task);
  }

  @Test
  void aTasksSlotsAreDividedIntoGroups() {
    final SlotGroups two = fifteenOfThree(Accumulation.Groups.TWO).groups(2);
    final SlotGroups each = fifteenOfThree(Accumulation.Groups.EACH).groups(0);

    assertThat(two).isEqualTo(new SlotGroups(5, 2));
    assertThat(two.of(4)).isZero();
    assertThat(two.slotsOf(0)).isEqualTo(3);
    assertThat(two.slotsOf(1)).isEqualTo(2);
    assertThat(two.share(0)).isEqualTo(0.6);
    assertThat(each).isEqualTo(new SlotGroups(5, 5));
  }

  private static TaskSlots fifteenOfThree(Accumulation.Groups groups) {
    final var accumulation = new Accumulation(Accumulation.Mode.STOCHASTIC, 15, 1, groups);
    final var task = new TaskSpec("a", Section.of("l", Map.of()), 1.0);
    return TaskSlots.of(accumulation, List.of(task, task, task));
  }

  @ParameterizedTest
  @ValueSource(strings = {"1", "2", "each", "\"2\""})
  void groupsAreWrittenAsTheyAreRead(String groups) {
    final RunSpec spec = grouped(groups);

    assertThat(spec.text()).contains("groups: " + groups.replace("\"", "") + "}");
    assertThat(RunSpec.parse(spec.text(), "again", List.of())).isEqualTo(spec);
  }

  @Test
  void moreGroupsThanMicroBatchesAreRefused() {
    assertThatThrownBy(() -> grouped("3"))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("accumulation.groups: 3 groups need as many micro-batches a task")
        .hasMessageContaining("there are 2");
    assertThatThrownBy(() -> grouped("4")).hasMessageContaining("accumulation.groups");
  }

  private static RunSpec grouped(String groups) {
    return RunSpec.parse(
        """
        run: r
        rounds: 3
        tasks: [{name: a, loss: l}]
        model: toy
        resolver: sum
        optimizer: sgd
        accumulation: {micro-batches: 2, groups: %s}
        """
            .formatted(groups),
        "grouped",
        List.of());
  }

  @Test
  void saysThatAFileIsMissing() {
    assertThatThrownBy(() -> RunSpec.read(Path.of("no/such.yaml"), List.of()))
        .isInstanceOf(UserError.class)
        .hasMessage("no/such.yaml: no such file; a run spec is a YAML file");
  }

  @Test
  void saysThatAFileIsNotText(@TempDir Path directory) throws Exception {
    final var file = Files.write(directory.resolve("x.yaml"), new byte[] {'a', (byte) 0xff});

    assertThatThrownBy(() -> RunSpec.read(file, List.of()))
        .isInstanceOf(UserError.class)
        .hasMessage(file + ": not text in UTF-8; a run spec is a YAML file");
  }

  @Test
  void saysThatAFileCannotBeRead(@TempDir Path directory) {
    assertThatThrownBy(() -> RunSpec.read(directory, List.of()))
        .isInstanceOf(UserError.class)
        .hasMessage(directory + ": is a directory; a run spec is a YAML file");
  }

  @Test
  void readsTextInAnyScript(@TempDir Path directory) throws Exception {
    final var file = directory.resolve("x.yaml");
    Files.writeString(
        file, SMALLEST + "data: {type: idx, directory: /дані/数字}\n", StandardCharsets.UTF_8);

    final var spec = RunSpec.read(file, List.of());

    assertThat(RunSpec.parse(spec.text(), "again", List.of())).isEqualTo(spec);
  }
}
