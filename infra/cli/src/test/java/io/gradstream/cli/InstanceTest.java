package io.gradstream.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gradstream.proto.UserError;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Two instances under one name would throw each other out of their group. */
class InstanceTest {
  @TempDir Path states;

  @Test
  void aSecondInstanceGetsANameOfItsOwn() {
    try (var first = Instance.free("server", states);
        var second = Instance.free("server", states)) {
      assertThat(second.name()).isNotEqualTo(first.name());
      assertThat(second.state()).isNotEqualTo(first.state());
    }
  }

  @Test
  void anInstanceThatIsStartedAgainHasItsNameBack() {
    final String name;
    try (var first = Instance.free("server", states)) {
      name = first.name();
    }

    try (var again = Instance.free("server", states)) {
      assertThat(again.name()).isEqualTo(name);
    }
  }

  @Test
  void instancesOfOtherDirectoriesHaveOtherNames() {
    try (var here = Instance.free("server", states.resolve("here"));
        var there = Instance.free("server", states.resolve("there"))) {
      assertThat(there.name()).isNotEqualTo(here.name());
    }
  }

  @Test
  void aNameThatIsTakenIsRefusedWithTheOption() {
    try (var first = Instance.named("one", "server", states);
        var other = Instance.named("one", "arbitrator", states)) {
      assertThat(other.name()).isEqualTo(first.name());
      assertThatThrownBy(() -> Instance.named("one", "server", states))
          .isInstanceOf(UserError.class)
          .hasMessageStartingWith("--instance: another server works as one on this machine");
    }
  }
}
