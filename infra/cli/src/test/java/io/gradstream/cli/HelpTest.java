package io.gradstream.cli;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;

class HelpTest {
  /** What a list of commands shows of a description on one line of a terminal. */
  private static final int LISTED_LENGTH = 85;

  @Test
  void completionKnowsCommandsAndOptions() {
    assertThat(CommandLineRun.of("completion").out()).contains("--workers", "arbitrator");
  }

  @ParameterizedTest
  @MethodSource("commands")
  void everyCommandExplainsItself(List<String> command) {
    final var help =
        CommandLineRun.of(
            Stream.concat(command.stream(), Stream.of("--help")).toArray(String[]::new));

    assertThat(help.exitCode()).isZero();
    assertThat(help.out()).startsWith("Usage: gradstream " + String.join(" ", command));
  }

  /** A list of commands shows the first line of each description alone. */
  @ParameterizedTest
  @MethodSource("commands")
  void everyLineOfADescriptionIsWholeSentences(List<String> command) {
    CommandLine found = new CommandLine(new Main());
    for (final String name : command) {
      found = requireNonNull(found.getSubcommands().get(name));
    }

    final String[] description = found.getCommandSpec().usageMessage().description();

    assertThat(description).isNotEmpty().allSatisfy(line -> assertThat(line).endsWith("."));
    assertThat(description[0]).hasSizeLessThanOrEqualTo(LISTED_LENGTH);
  }

  static Stream<List<String>> commands() {
    return new CommandLine(new Main())
        .getSubcommands().entrySet().stream()
            .flatMap(
                command ->
                    Stream.concat(
                        Stream.of(List.of(command.getKey())),
                        command.getValue().getSubcommands().keySet().stream()
                            .map(name -> List.of(command.getKey(), name))));
  }
}
