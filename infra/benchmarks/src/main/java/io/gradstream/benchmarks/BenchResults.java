package io.gradstream.benchmarks;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.PrintWriter;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;

/**
 * Prints what a benchmark found: lines for a person as they come, and one JSON object at the end.
 *
 * <p>With {@code --json} the lines go to standard error, so that standard output carries the object
 * alone. One thread.
 */
final class BenchResults {
  private final PrintWriter lines;
  private final PrintWriter result;
  private final ObjectNode json = new ObjectMapper().createObjectNode();

  BenchResults(CommandLine command, boolean jsonAlone) {
    this.lines = jsonAlone ? command.getErr() : command.getOut();
    this.result = command.getOut();
  }

  /** Prints a line. */
  void line(String format, @Nullable Object... values) {
    lines.println(String.format(Locale.ROOT, format, values));
    lines.flush();
  }

  /** The object that {@link #close} prints. */
  ObjectNode json() {
    return json;
  }

  /** Prints the object. */
  void close() {
    result.println(json);
    result.flush();
  }
}
