package io.gradstream.arbitrator.offline;

import io.gradstream.arbitrator.offline.GradientCase.Step;
import java.util.Map;

/**
 * GCond's own last step, in float64 and on whole vectors: momentum with bias correction, and its
 * Lion, the sign of that momentum with a trust ratio for each parameter tensor.
 *
 * <p>m = beta m + (1 - beta) u and u' = m / (1 - beta^t); with Lion sign(u') * coef * min(clip,
 * |theta| / |u'|) tensor by tensor, the ratio 1 where either norm is below eps. In a run the first
 * is part of the arbitrator's combining pass and the second is an optimizer.
 *
 * <p>Mutable, one for each case.
 */
final class IntegratedMomentum {
  private final double beta;
  private final boolean lion;
  private final double coefficient;
  private final double clip;
  private final double eps;
  private final int[] segments;
  private final double[] theta;
  private final double[] momentum;
  private int steps;

  IntegratedMomentum(GradientCase source) {
    Map<String, Object> params = source.params();
    Step first = source.steps().getFirst();
    this.beta = number(params, "momentum_beta", 0);
    this.lion = Boolean.TRUE.equals(params.get("use_lion"));
    this.coefficient = number(params, "trust_ratio_coef", 1);
    this.clip = number(params, "trust_ratio_clip", 1);
    this.eps = number(params, "eps", 1e-8);
    this.segments = source.segments();
    this.theta = source.theta();
    this.momentum = new double[first.size()];
    if (lion && theta.length != momentum.length) {
      throw new IllegalArgumentException(
          "'theta' has " + theta.length + " values for gradients of " + momentum.length);
    }
  }

  /** The direction against which the parameters move, given the combined gradient. */
  double[] apply(double[] update) {
    steps++;
    double correction = 1 - StrictMath.pow(beta, steps);
    double[] corrected = new double[update.length];
    for (int d = 0; d < update.length; d++) {
      momentum[d] = beta * momentum[d] + (1 - beta) * update[d];
      corrected[d] = momentum[d] / correction;
    }
    if (lion) {
      int from = 0;
      for (int size : segments) {
        signStep(corrected, from, from + size);
        from += size;
      }
    }
    return corrected;
  }

  private void signStep(double[] corrected, int from, int to) {
    double momentumNorm = norm(corrected, from, to);
    double weightsNorm = norm(theta, from, to);
    double ratio =
        momentumNorm < eps || weightsNorm < eps ? 1 : Math.min(clip, weightsNorm / momentumNorm);
    for (int d = from; d < to; d++) {
      corrected[d] = Math.signum(corrected[d]) * ratio * coefficient;
    }
  }

  private static double norm(double[] vector, int from, int to) {
    double squares = 0;
    for (int d = from; d < to; d++) {
      squares += vector[d] * vector[d];
    }
    return Math.sqrt(squares);
  }

  private static double number(Map<String, Object> params, String name, double absent) {
    return params.get(name) instanceof Number number ? number.doubleValue() : absent;
  }
}
