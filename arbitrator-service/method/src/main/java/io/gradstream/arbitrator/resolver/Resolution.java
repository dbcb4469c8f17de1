package io.gradstream.arbitrator.resolver;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What a resolver decided in a round, and why.
 *
 * @param weights N, finite: the update is the sum of weight times gradient; empty for an
 *     elementwise method, whose update no weights describe
 * @param arbitrations pairs whose conflict was resolved, in order
 * @param details named numbers that explain the decision
 * @param fallback null, or why the method had no answer and what is used instead
 * @param state what the method remembers for the next round
 */
public record Resolution(
    double[] weights,
    List<Arbitration> arbitrations,
    Map<String, double[]> details,
    @Nullable Fallback fallback,
    MethodState state) {

  public Resolution {
    arbitrations = List.copyOf(arbitrations);
    details = Collections.unmodifiableMap(new TreeMap<>(details));
  }

  /** Weights without arbitrations and details. */
  public static Resolution of(double[] weights, MethodState state) {
    return new Resolution(weights, List.of(), Map.of(), null, state);
  }

  /** Weights that are used where the method has no answer. */
  public static Resolution fallback(
      double[] weights, Fallback.Code code, String reason, MethodState state) {
    return new Resolution(weights, List.of(), Map.of(), new Fallback(code, reason), state);
  }

  /** This resolution with other weights. */
  public Resolution weighing(double[] others) {
    return new Resolution(others, arbitrations, details, fallback, state);
  }

  /** This resolution with named numbers that explain it. */
  public Resolution with(String name, double... numbers) {
    var more = new TreeMap<>(details);
    more.put(name, numbers);
    return new Resolution(weights, arbitrations, more, fallback, state);
  }
}
