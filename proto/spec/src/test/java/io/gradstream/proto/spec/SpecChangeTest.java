package io.gradstream.proto.spec;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which keys replay and fork may change. */
class SpecChangeTest {
  private static final String SPEC =
      """
      run: r
      rounds: 10
      tasks:
        - {name: a, loss: {type: quadratic, noise: 0.1}}
        - {name: b, loss: quadratic, weight: 2.0}
      model: toy
      initial-weights: {file: a, names: [{file: b, model: c}]}
      data: none
      resolver: gcond
      calibrator: none
      optimizer: {type: sgd, learning-rate: 0.1}
      """;

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "resolver=sum             | yes | yes",
        "seed=2                   | yes | yes",
        "momentum.beta=0.5        | yes | yes",
        "clip-norm=1              | yes | yes",
        "tasks.b.weight=3         | yes | yes",
        "calibrator={method: moco}| yes | calibrator",
        "momentum.mode=pure       | yes | momentum.mode",
        "rounds=20                | rounds | yes",
        "optimizer.learning-rate=1| optimizer | yes",
        "optimizer=adamw          | optimizer | optimizer",
        "selection=smo            | selection | selection",
        "initial-weights=d        | initial-weights.file | initial-weights.file",
        "initial-weights.names.0.model=d | initial-weights.names.0.model | initial-weights.names.0.model",
        "initial-weights=null     | initial-weights | initial-weights",
        "scope=all                | scope | scope",
        "tasks.a.name=c           | tasks.0.name | tasks.0.name",
        "tasks.a.loss.noise=0.2   | tasks.0.loss | yes",
        "tasks=[{name: a, loss: quadratic}] | tasks | tasks",
        "accumulation.mode=stochastic | accumulation.mode | accumulation.mode",
        "accumulation.micro-batches=8 | accumulation.micro-batches | accumulation.micro-batches",
        "accumulation.batch-size=2| accumulation.batch-size | yes",
        "transport.partitions=2   | transport.partitions | transport.partitions",
        "transport.shard-values=8 | transport.shard-values | transport.shard-values",
        "transport.value-type=bfloat16 | transport.value-type | yes",
        "evaluation.every=5       | evaluation.every | yes",
        "max-norm-ratio=9         | max-norm-ratio | yes",
      })
  void eachKeyDeclaresWhoMayChangeIt(String assignment, String replay, String fork) {
    final RunSpec before = RunSpec.parse(SPEC, "test", List.of());
    final RunSpec after = RunSpec.parse(SPEC, "test", List.of(assignment));

    assertThat(SpecChange.forbiddenInReplay(before, after).map(SpecChange::key).orElse("yes"))
        .isEqualTo(replay);
    assertThat(SpecChange.forbiddenInFork(before, after).map(SpecChange::key).orElse("yes"))
        .isEqualTo(fork);
  }
}
