package io.gradstream.benchmarks;

/** Prints the hops of a run's rounds with their share. */
final class HopTable {
  private HopTable() {}

  /** Lines for a person, {@code hops_ms} and {@code computing_ms} for a program. */
  static void print(RoundTimes times, BenchResults findings) {
    final double whole = times.rounds().mean();
    final var hops = findings.json().putObject("hops_ms");
    times
        .hops()
        .forEach(
            (hop, samples) -> {
              findings.line(
                  "  %-34s mean %6.2f ms  %4.0f %%   p50 %.0f  p99 %.0f",
                  hop.text(),
                  samples.mean(),
                  100 * samples.mean() / whole,
                  samples.median(),
                  samples.quantile(0.99));
              hops.put(hop.key(), samples.mean());
            });
    final double computing = times.computing().mean();
    findings.line("  %-34s mean %6.2f ms", "workers compute, all together", computing);
    findings.json().put("computing_ms", computing);
  }
}
