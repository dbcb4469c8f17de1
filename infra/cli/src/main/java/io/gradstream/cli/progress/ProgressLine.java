package io.gradstream.cli.progress;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Locale;

/**
 * A run's progress in one line: round, losses, the strongest conflict and its zone, rounds a
 * second, time left. The rate is that of the last half minute. One thread.
 */
public final class ProgressLine {
  private static final long WINDOW_NANOS = Duration.ofSeconds(30).toNanos();

  private record Sample(long nanos, long rounds) {}

  private final long rounds;
  private final ArrayDeque<Sample> samples = new ArrayDeque<>();

  /**
   * @param rounds rounds of the whole run
   */
  public ProgressLine(long rounds) {
    this.rounds = rounds;
  }

  /**
   * The line.
   *
   * @param nanos the time now, as {@link System#nanoTime()} tells it
   */
  public String at(RunSummary run, long nanos) {
    samples.addLast(new Sample(nanos, run.rounds()));
    while (nanos - samples.getFirst().nanos() > WINDOW_NANOS) {
      samples.removeFirst();
    }
    final var line = new StringBuilder();
    line.append("round ").append(run.rounds()).append('/').append(rounds);
    final double[] losses = run.lastLosses();
    for (int task = 0; task < losses.length; task++) {
      line.append("  ").append(run.tasks().get(task)).append(' ').append(number(losses[task]));
    }
    run.conflict()
        .ifPresent(
            conflict ->
                line.append(String.format(Locale.ROOT, "  cos %+.2f", conflict.cosine()))
                    .append(conflict.zone().isEmpty() ? "" : " " + conflict.zone()));
    final double rate = rate();
    if (rate > 0) {
      line.append(String.format(Locale.ROOT, "  %.3g rounds/s", rate));
      line.append("  ").append(duration((rounds - run.rounds()) / rate)).append(" left");
    }
    return line.toString();
  }

  private double rate() {
    final Sample first = samples.getFirst();
    final Sample last = samples.getLast();
    final double seconds = (last.nanos() - first.nanos()) / 1e9;
    return seconds > 0 ? (last.rounds() - first.rounds()) / seconds : 0;
  }

  /** Four significant digits. */
  static String number(double value) {
    return String.format(Locale.ROOT, "%.4g", value);
  }

  /** Such as {@code 8s}, {@code 2m05s}, {@code 3h10m}. */
  static String duration(double seconds) {
    final long whole = Math.round(seconds);
    if (whole < 60) {
      return whole + "s";
    }
    return whole < 3600
        ? String.format(Locale.ROOT, "%dm%02ds", whole / 60, whole % 60)
        : String.format(Locale.ROOT, "%dh%02dm", whole / 3600, whole / 60 % 60);
  }
}
