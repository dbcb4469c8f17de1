package io.gradstream.arbitrator.offline;

import io.gradstream.arbitrator.offline.GradientCase.Step;
import io.gradstream.arbitrator.resolver.Arbitration;
import io.gradstream.arbitrator.resolver.MethodState;
import io.gradstream.arbitrator.resolver.Resolution;
import io.gradstream.arbitrator.resolver.Resolver;
import io.gradstream.arbitrator.resolver.Resolvers;
import io.gradstream.arbitrator.resolver.RoundStatistics;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Runs one {@link GradientCase} through the production resolvers, in float64, and shows for each
 * step what they decided and what the update is.
 *
 * <p>Mutable, for one case and one thread.
 */
public final class CaseRunner {
  private final GradientCase source;
  private final Resolver resolver;
  private MethodState state;

  private CaseRunner(GradientCase source) {
    this.source = source;
    this.resolver = Resolvers.create(Translation.resolver(source));
    this.state = resolver.initialState(source.steps().getFirst().tasks());
  }

  /**
   * Runs a case.
   *
   * @return one map a step, from field name to numbers, texts, arrays or lists of them: {@code
   *     weights} (where the method has them), {@code update}, and what else the method has to tell
   * @throws io.gradstream.proto.UserError if the method or a parameter is unknown or out of range
   */
  public static List<Map<String, Object>> run(GradientCase source) {
    return new CaseRunner(source).run();
  }

  private List<Map<String, Object>> run() {
    var answers = new ArrayList<Map<String, Object>>();
    var momentum = new IntegratedMomentum(source);
    double[][] previous = new double[0][];
    long round = 0;
    for (Step step : source.steps()) {
      double[][] gradients = step.gradients();
      Resolution resolution = resolver.resolve(statistics(round, step, previous), state);
      state = resolution.state();
      double[] update = combine(resolution.weights(), gradients);
      var answer = new LinkedHashMap<String, Object>();
      answer.put("weights", resolution.weights());
      answer.put("update", update);
      if (source.method().equals("gcond")) {
        describe(resolution, answer);
        answer.put("final_update", momentum.apply(update));
      }
      if (resolution.fallback() != null) {
        answer.put("fallback", resolution.fallback());
      }
      answers.add(answer);
      previous = gradients;
      round++;
    }
    return answers;
  }

  private static RoundStatistics statistics(long round, Step step, double[][] previous) {
    int tasks = step.tasks();
    double[] losses = step.losses();
    return new RoundStatistics(
        round,
        tasks,
        products(step.gradients(), step.gradients()),
        previous.length == 0 ? new double[tasks][tasks] : products(step.gradients(), previous),
        losses == null ? new double[tasks] : losses,
        0);
  }

  private static void describe(Resolution resolution, Map<String, Object> answer) {
    int n = resolution.weights().length;
    resolution
        .details()
        .forEach(
            (name, numbers) -> {
              switch (name) {
                case "coefficients" -> answer.put(name, rows(numbers, n));
                case "iterations" -> answer.put(name, (int) numbers[0]);
                default ->
                    answer.put(name.replace('-', '_'), numbers.length == 1 ? numbers[0] : numbers);
              }
            });
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

  private static double[][] rows(double[] flat, int n) {
    double[][] rows = new double[n][n];
    for (int i = 0; i < n; i++) {
      System.arraycopy(flat, i * n, rows[i], 0, n);
    }
    return rows;
  }

  private static double[][] products(double[][] left, double[][] right) {
    double[][] products = new double[left.length][right.length];
    for (int i = 0; i < left.length; i++) {
      for (int j = 0; j < right.length; j++) {
        double sum = 0;
        for (int d = 0; d < left[i].length; d++) {
          sum += left[i][d] * right[j][d];
        }
        products[i][j] = sum;
      }
    }
    return products;
  }

  private static double[] combine(double[] weights, double[][] gradients) {
    double[] update = new double[gradients[0].length];
    for (int i = 0; i < weights.length; i++) {
      for (int d = 0; d < update.length; d++) {
        update[d] += weights[i] * gradients[i][d];
      }
    }
    return update;
  }
}
