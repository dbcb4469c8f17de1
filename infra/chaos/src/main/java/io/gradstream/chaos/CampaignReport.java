package io.gradstream.chaos;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * The result of a campaign.
 *
 * @param faults how often each was done
 * @param recoveries seconds until the run moved again, by what was done to whom
 * @param trainings how often the run was trained under faults
 * @param rounds of all those trainings
 * @param restarted processes that ended by themselves and were started again
 * @param expected digest of the undisturbed run
 * @param actual digests of the disturbed ones
 */
public record CampaignReport(
    long seed,
    double seconds,
    SortedMap<String, Integer> faults,
    SortedMap<String, List<Double>> recoveries,
    int trainings,
    long rounds,
    int restarted,
    String expected,
    List<String> actual) {
  public CampaignReport {
    faults = new TreeMap<>(faults);
    recoveries = new TreeMap<>(recoveries);
    actual = List.copyOf(actual);
  }

  /** Whether there was a training to compare, and all of them ended with the same weights. */
  public boolean agrees() {
    return !actual.isEmpty() && actual.stream().allMatch(expected::equals);
  }

  public int faultCount() {
    return faults.values().stream().mapToInt(Integer::intValue).sum();
  }

  /** Lines for a person, without a line break at the end. */
  public String table() {
    final String done =
        faults.entrySet().stream()
            .map(fault -> "%6d  %s".formatted(fault.getValue(), fault.getKey()))
            .collect(Collectors.joining(System.lineSeparator()));
    final String recovered =
        recoveries.entrySet().stream()
            .map(
                role ->
                    String.format(
                        Locale.ROOT,
                        "after %s rounds went on within %.1f s (median of %d, longest %.1f s)",
                        role.getKey(),
                        median(role.getValue()),
                        role.getValue().size(),
                        role.getValue().stream().mapToDouble(Double::doubleValue).max().orElse(0)))
            .collect(Collectors.joining(System.lineSeparator()));
    return String.join(
        System.lineSeparator(),
        done,
        "%6d  faults in %.0f s, %d rounds of %d trainings"
            .formatted(faultCount(), seconds, rounds, trainings),
        recovered,
        agrees()
            ? "every training came to the weights of the undisturbed run: " + expected
            : "NOT THE SAME WEIGHTS: undisturbed " + expected + ", disturbed " + actual);
  }

  /** One JSON object. */
  public ObjectNode json() {
    final ObjectNode json = new ObjectMapper().createObjectNode();
    json.put("agrees", agrees()).put("seed", seed).put("seconds", seconds);
    json.put("faults_total", faultCount());
    final ObjectNode kinds = json.putObject("faults");
    faults.forEach(kinds::put);
    json.put("trainings", trainings).put("rounds", rounds).put("restarted", restarted);
    final ObjectNode times = json.putObject("recovery_seconds");
    recoveries.forEach(
        (role, seconds) -> {
          final ObjectNode of = times.putObject(role).put("median", median(seconds));
          final var all = of.putArray("all");
          seconds.forEach(all::add);
        });
    json.put("expected_sha256", expected);
    final var digests = json.putArray("actual_sha256");
    actual.forEach(digests::add);
    return json;
  }

  private static double median(List<Double> values) {
    final double[] sorted = values.stream().mapToDouble(Double::doubleValue).sorted().toArray();
    final int half = sorted.length / 2;
    return sorted.length % 2 == 1
        ? sorted[half]
        : Arrays.stream(sorted, half - 1, half + 1).average().orElse(Double.NaN);
  }
}
