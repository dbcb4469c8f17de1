package io.gradstream.arbitrator.offline;

import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.arbitrator.resolver.ElementwiseResolver;
import io.gradstream.arbitrator.resolver.Fallback;
import io.gradstream.arbitrator.resolver.MethodState;
import io.gradstream.arbitrator.resolver.Resolution;
import io.gradstream.arbitrator.resolver.Resolver;
import io.gradstream.arbitrator.resolver.Resolvers;
import io.gradstream.arbitrator.resolver.RoundStatistics;
import io.gradstream.arbitrator.resolver.SquareSums;
import io.gradstream.proto.spec.Section;
import io.gradstream.proto.spec.SpecError;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Tabulates, in Markdown, the weights that every method returns in situations at the edge of what
 * it is meant for, such as a zero gradient or a negative loss. The table is made by running the
 * methods.
 *
 * <p>Unless a column says otherwise there are three tasks with losses 1, 2 and 3, whose gradients
 * conflict mildly. Each method sees the same statistics for twenty rounds. A cell shows the weights
 * of the last round to two digits, with an asterisk if the method reported a fallback.
 */
public final class MethodTable {
  private static final int ROUNDS = 20;
  private static final double[][] GRADIENTS = {{1, 0, 0}, {-0.3, 1, 0}, {0.2, -0.4, 1}};
  private static final double[] LOSSES = {1, 2, 3};

  private record Situation(double[][] gradients, double[] losses) {}

  private MethodTable() {}

  /** The table, and below it the fallbacks that each method reported. */
  public static String markdown() {
    Map<String, Situation> situations = situations();
    var text = new StringBuilder("| method |");
    var rule = new StringBuilder("\n|---|");
    for (String name : situations.keySet()) {
      text.append(' ').append(name).append(" |");
      rule.append("---|");
    }
    text.append(rule).append('\n');
    var reports = new LinkedHashMap<String, Set<String>>();
    for (String method : Resolvers.CATALOG.names()) {
      text.append("| `").append(method).append("` |");
      situations
          .values()
          .forEach(
              situation -> text.append(' ').append(cell(method, situation, reports)).append(" |"));
      text.append('\n');
    }
    text.append('\n');
    reports.forEach(
        (method, said) -> text.append("* `%s`: %s.\n".formatted(method, String.join("; ", said))));
    return text.toString();
  }

  private static Map<String, Situation> situations() {
    var situations = new LinkedHashMap<String, Situation>();
    situations.put("usual", new Situation(GRADIENTS, LOSSES));
    situations.put("third gradient 0", new Situation(scaled(GRADIENTS, 1, 1, 0), LOSSES));
    situations.put(
        "third weight 0", new Situation(scaled(GRADIENTS, 1, 1, 0), new double[] {1, 2, 0}));
    situations.put("third loss 0", new Situation(GRADIENTS, new double[] {1, 2, 0}));
    situations.put("third loss -1", new Situation(GRADIENTS, new double[] {1, 2, -1}));
    double[] one = GRADIENTS[1];
    situations.put("identical", new Situation(new double[][] {one, one, one}, LOSSES));
    double[] opposite = DoubleVectors.scaled(one, -1);
    situations.put(
        "two opposite", new Situation(new double[][] {one, opposite, GRADIENTS[2]}, LOSSES));
    situations.put("one task", new Situation(new double[][] {one}, new double[] {1}));
    situations.put("forty tasks", forty());
    situations.put("times 1e-12", new Situation(scaled(GRADIENTS, 1e-12, 1e-12, 1e-12), LOSSES));
    situations.put("times 1e12", new Situation(scaled(GRADIENTS, 1e12, 1e12, 1e12), LOSSES));
    return situations;
  }

  /** Forty tasks: neighbours conflict, and lengths are up to a factor of four apart. */
  private static Situation forty() {
    double[][] gradients = new double[40][41];
    double[] losses = new double[40];
    for (int i = 0; i < 40; i++) {
      double length = 1 + 3 * (i % 5) / 4.0;
      gradients[i][i] = length;
      gradients[i][i + 1] = -0.5 * length;
      losses[i] = 1 + i % 3;
    }
    return new Situation(gradients, losses);
  }

  private static double[][] scaled(double[][] rows, double... factors) {
    double[][] scaled = new double[rows.length][];
    for (int i = 0; i < rows.length; i++) {
      scaled[i] = DoubleVectors.scaled(rows[i], factors[i]);
    }
    return scaled;
  }

  private static String cell(String method, Situation situation, Map<String, Set<String>> reports) {
    Resolver resolver = Resolvers.create(Section.of(method, Map.of()));
    int n = situation.losses().length;
    MethodState state;
    try {
      state = resolver.initialState(n);
    } catch (SpecError e) {
      return "refused";
    }
    double[][] gram = GradientRows.products(situation.gradients(), situation.gradients());
    double[][] squares = new double[n][situation.gradients()[0].length];
    Resolution last = null;
    boolean reported = false;
    for (int k = 0; k < ROUNDS; k++) {
      double[][] cross = k == 0 ? new double[n][n] : gram;
      last =
          resolver.resolve(
              new RoundStatistics(k, n, gram, cross, situation.losses(), 1)
                  .withExcess(SquareSums.next(squares, situation.gradients())),
              state);
      state = last.state();
      Fallback fallback = last.fallback();
      if (fallback != null) {
        reports
            .computeIfAbsent(method, any -> new LinkedHashSet<>())
            .add("%s (`%s`)".formatted(fallback.reason(), fallback.code()));
        reported = true;
      }
    }
    if (last == null || resolver instanceof ElementwiseResolver) {
      return "by element";
    }
    return numbers(last.weights()) + (reported ? " *" : "");
  }

  private static String numbers(double[] weights) {
    if (weights.length > 3) {
      double smallest = Double.POSITIVE_INFINITY;
      double largest = Double.NEGATIVE_INFINITY;
      for (double weight : weights) {
        smallest = Math.min(smallest, weight);
        largest = Math.max(largest, weight);
      }
      return "%s to %s".formatted(number(smallest), number(largest));
    }
    List<String> texts = new ArrayList<>();
    for (double weight : weights) {
      texts.add(number(weight));
    }
    return String.join(" ", texts);
  }

  /** Two decimal digits; a value below 1e-9 is rounding error and is written as 0. */
  private static String number(double value) {
    if (Math.abs(value) < 1e-9) {
      return "0";
    }
    boolean plain = Math.abs(value) >= 1e-3 && Math.abs(value) < 1e4;
    String text = String.format(Locale.ROOT, plain ? "%.2f" : "%.1e", value);
    return plain ? text.replaceAll("\\.?0+$", "") : text;
  }
}
