package io.gradstream.producer.worker;

import static org.assertj.core.api.Assertions.assertThat;

import io.gradstream.proto.evidence.Signer;
import io.gradstream.proto.spec.ListedKey.Role;
import io.gradstream.proto.spec.RunSpec;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WorkerIdentityTest {
  @TempDir Path directory;

  @Test
  void aKeyOfSomeTasksComputesTheseAloneAndNotTheirSum() {
    final Path key = directory.resolve("alice.key");
    final RunSpec spec = spec("{worker: alice, public-key: %s, tasks: [a]}", key);
    final WorkerIdentity alice = WorkerIdentity.of(Signer.read(key, spec, Role.WORKER));

    assertThat(alice.mayCompute("a", spec)).isTrue();
    assertThat(alice.mayCompute("b", spec)).isFalse();
    assertThat(alice.mayCompute("all", spec)).isFalse();
  }

  @Test
  void aKeyWithoutTasksAndNoKeyComputeAll() {
    final Path key = directory.resolve("bob.key");
    final RunSpec spec = spec("{worker: bob, public-key: %s}", key);

    for (final String task : List.of("a", "b", "all")) {
      assertThat(WorkerIdentity.of(Signer.read(key, spec, Role.WORKER)).mayCompute(task, spec))
          .isTrue();
      assertThat(WorkerIdentity.ofProcess().mayCompute(task, spec)).isTrue();
    }
  }

  private static RunSpec spec(String listed, Path key) {
    return RunSpec.parse(
        """
        run: any
        rounds: 10
        tasks: [{name: a, loss: quadratic}, {name: b, loss: quadratic}]
        model: toy
        resolver: sum
        optimizer: {type: sgd, learning-rate: 1.0}
        keys: [%s]
        """
            .formatted(listed.formatted(Signer.generate(key))),
        "test",
        List.of());
  }
}
