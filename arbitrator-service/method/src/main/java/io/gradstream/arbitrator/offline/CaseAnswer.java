package io.gradstream.arbitrator.offline;

import io.gradstream.arbitrator.resolver.Arbitration;
import io.gradstream.arbitrator.resolver.Fallback;
import io.gradstream.arbitrator.resolver.Resolution;
import java.util.ArrayList;
import java.util.Map;

/**
 * Writes a resolution's reasons in the form of a case's answer: snake_case fields, and pairs as
 * lists of numbers.
 */
final class CaseAnswer {
  private CaseAnswer() {}

  static void describe(String method, Resolution resolution, Map<String, Object> answer) {
    int n = resolution.weights().length;
    resolution
        .details()
        .forEach(
            (name, numbers) -> {
              Object value =
                  switch (name) {
                    case "coefficients", "targets" -> rows(numbers, n);
                    case "iterations", "projections", "rank" -> (int) numbers[0];
                    case "smallest-cosine", "imbalance" -> numbers[0];
                    default -> numbers;
                  };
              answer.put(name.replace('-', '_'), value);
            });
    if (method.startsWith("gcond")) {
      var pairs = new ArrayList<int[]>();
      var zones = new ArrayList<String>();
      for (Arbitration arbitration : resolution.arbitrations()) {
        zones.add(arbitration.zone().label());
        if (arbitration.winner() != Arbitration.NOBODY) {
          pairs.add(new int[] {arbitration.first(), arbitration.second(), arbitration.winner()});
        }
      }
      answer.put("arbitrations", pairs);
      answer.put("zones", zones);
    }
    Fallback fallback = resolution.fallback();
    if (fallback != null) {
      answer.put("fallback", fallback.reason());
      answer.put("fallback_code", fallback.code().name());
    }
  }

  private static double[][] rows(double[] flat, int n) {
    double[][] rows = new double[n][n];
    for (int i = 0; i < n; i++) {
      System.arraycopy(flat, i * n, rows[i], 0, n);
    }
    return rows;
  }
}
