package io.gradstream.cli;

import java.io.PrintWriter;
import java.time.Duration;

/**
 * Shows a command's progress: on a terminal as one line that is written over, elsewhere as a line
 * every ten seconds. One thread.
 */
final class ProgressDisplay {
  private static final String LINE_START = "\r\u001b[K";
  private static final long PAUSE_NANOS = Duration.ofSeconds(10).toNanos();
  private static final int DEFAULT_COLUMNS = 100;

  private final PrintWriter out;
  private final boolean terminal;
  private final int columns;
  private boolean dirty;
  private long printedNanos = System.nanoTime() - PAUSE_NANOS;

  @SuppressWarnings("SystemConsoleNull") // NullAway holds that it may be
  ProgressDisplay(PrintWriter out) {
    this.out = out;
    final var console = System.console();
    this.terminal = console != null && console.isTerminal();
    this.columns = columns();
  }

  /** Shows how far the run is. */
  void progress(String line) {
    if (terminal) {
      out.print(LINE_START + (line.length() < columns ? line : line.substring(0, columns - 1)));
      out.flush();
      dirty = true;
    } else if (System.nanoTime() - printedNanos >= PAUSE_NANOS) {
      print(line);
      printedNanos = System.nanoTime();
    }
  }

  /** Shows lines that stay. */
  void print(String lines) {
    out.println((dirty ? LINE_START : "") + lines);
    out.flush();
    dirty = false;
  }

  /** Removes the line that is written over. */
  void clear() {
    if (dirty) {
      out.print(LINE_START);
      out.flush();
      dirty = false;
    }
  }

  private static int columns() {
    try {
      return Integer.parseInt(System.getenv().getOrDefault("COLUMNS", ""));
    } catch (NumberFormatException e) {
      return DEFAULT_COLUMNS;
    }
  }
}
