package io.gradstream.proto.spec;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class RunSpecTest {
  @Test
  void readsTheShippedSpecs() {
    final var spec = RunSpec.read(Path.of("../infra/runs/digits-mae.yaml"), List.of());
    assertThat(spec.tasks()).extracting(TaskSpec::name).containsExactly("l1", "ssim");
    assertThat(RunSpec.parse(spec.text(), "topic x", List.of())).isEqualTo(spec);
  }
}
