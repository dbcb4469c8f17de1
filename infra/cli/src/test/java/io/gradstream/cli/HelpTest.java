package io.gradstream.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HelpTest {
  @Test
  void completionKnowsCommandsAndOptions() {
    assertThat(CommandLineRun.of("completion").out()).contains("--workers", "arbitrator");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "train",
        "submit",
        "worker",
        "arbitrator",
        "server",
        "evaluator",
        "status",
        "wait",
        "delete",
        "audit",
        "explain",
        "lineage",
        "keys",
        "export",
        "broker",
        "methods",
        "schema",
        "completion"
      })
  void everyCommandExplainsItself(String command) {
    final var help = CommandLineRun.of(command, "--help");

    assertThat(help.exitCode()).isZero();
    assertThat(help.out()).startsWith("Usage: gradstream " + command);
  }
}
