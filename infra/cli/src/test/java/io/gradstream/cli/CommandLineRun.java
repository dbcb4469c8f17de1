package io.gradstream.cli;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;

/** One command, run in this JVM, and what it answered. */
public record CommandLineRun(int exitCode, String out, String err) {
  public static CommandLineRun of(String... args) {
    final var out = new StringWriter();
    final var err = new StringWriter();
    final int exitCode = Main.run(new PrintWriter(out, true), new PrintWriter(err, true), args);
    return new CommandLineRun(exitCode, out.toString(), err.toString());
  }

  public List<String> outLines() {
    return out.lines().toList();
  }
}
