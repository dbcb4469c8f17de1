package io.gradstream.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.gradstream.arbitrator.resolver.Resolvers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MethodsCommandTest {
  @TempDir Path directory;

  @Test
  void comparesAllMethodsOnOneCase() throws IOException {
    final Path file =
        Files.writeString(
            directory.resolve("case.json"),
            """
            {"cases": [{"id": "mine", "method": "sum",
              "steps": [{"gradients": [[1, 0], [-2, 1]], "losses": [1, 0]}]}]}
            """);

    final CommandLineRun run = CommandLineRun.of("methods", "--compare", file.toString());

    assertThat(run.exitCode()).isZero();
    assertThat(run.outLines().getFirst())
        .isEqualTo("mine: 2 tasks; every method with its defaults");
    assertThat(run.outLines().subList(2, run.outLines().size()))
        .extracting(line -> line.substring(2, line.indexOf(' ', 2)))
        .containsExactlyElementsOf(Resolvers.CATALOG.names());
    assertThat(run.out())
        .containsPattern("sum +1[.]414 +-0[.]7071 +1[.]000 1[.]000")
        .containsPattern("si .*1[.]000 1[.]000 .a loss is not positive: its weight is 1 .LOSSES..")
        .containsPattern("krum +- +- +.refused: ");
  }

  @Test
  void refusesAFileThatIsNotThere() {
    final CommandLineRun run = CommandLineRun.of("methods", "--compare", "nowhere.json");

    assertThat(run.exitCode()).isEqualTo(2);
    assertThat(run.err()).contains("cannot read nowhere.json");
  }
}
