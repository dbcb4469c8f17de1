package io.gradstream.producer.model.process;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.util.List;

/** The Python that tests start: {@code GRADSTREAM_PYTHON} if it is set, else {@code python3}. */
final class Python {
  private Python() {}

  static String program() {
    return System.getenv().getOrDefault("GRADSTREAM_PYTHON", "python3");
  }

  /** Skips the test on a machine without Python. */
  static void require() {
    assumeTrue(
        works(List.of(program(), "-c", "pass")),
        "skipped: there is no python3; install one, or set GRADSTREAM_PYTHON to its path");
  }

  private static boolean works(List<String> command) {
    try {
      return new ProcessBuilder(command).inheritIO().start().waitFor() == 0;
    } catch (IOException e) {
      return false;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }
}
