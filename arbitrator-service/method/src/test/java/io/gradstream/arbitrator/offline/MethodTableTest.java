package io.gradstream.arbitrator.offline;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class MethodTableTest {
  private static final Path PAGE = Path.of("../../docs/methods.md");

  @Test
  void thePageOfTheMethodsHasTheTableThatTheMethodsFill() throws IOException {
    assertThat(Files.readString(PAGE))
        .as("write the output of `./gradstream methods --table` to the end of docs/methods.md")
        .endsWith("\n" + MethodTable.markdown());
  }
}
