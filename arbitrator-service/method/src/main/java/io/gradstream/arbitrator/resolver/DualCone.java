package io.gradstream.arbitrator.resolver;

import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.arbitrator.linalg.Matrices;
import io.gradstream.arbitrator.linalg.NonNegativeQuadratic;
import io.gradstream.proto.spec.Param;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Projects combinations of the gradients onto their dual cone, the set of updates that conflict
 * with no task: the projection of sum u_i g_i is sum v_i g_i, v the smallest v'Hv with v >= u,
 * where H is the Gram matrix over its trace plus a small multiple of the identity (Quinton and Rey
 * 2024, arXiv:2406.16232, section 3; options as in TorchJD).
 */
final class DualCone {
  private final double[][] regularised;

  /** Options of the methods that project onto the dual cone. */
  record Options(
      @Param(value = "the tasks' weights in the combination; all 1/N if absent", min = 0)
          @Nullable List<Double> preference,
      @Param(
              value = "below this sum of squared norms all gradients count as zero",
              defaultValue = "0.0001",
              min = 0)
          double normEps,
      @Param(
              value = "added to the diagonal of the normalised Gram matrix",
              defaultValue = "0.0001",
              min = 0,
              exclusiveMin = true)
          double regEps) {

    double[] preference(int tasks) {
      return OptionChecks.perTask("preference", preference, tasks, 1.0 / tasks);
    }
  }

  DualCone(double[][] gram, Options options) {
    double trace = Matrices.trace(gram);
    this.regularised =
        Matrices.scaled(gram, trace < options.normEps() || trace == 0 ? 0 : 1 / trace);
    for (int i = 0; i < regularised.length; i++) {
      regularised[i][i] += options.regEps();
    }
  }

  /** Weights of the projection of the combination with weights u. */
  double[] project(double[] u) {
    // v = u + w with w >= 0: minimise w'Hw/2 + (Hu)'w.
    double[] w =
        NonNegativeQuadratic.minimise(
            regularised, DoubleVectors.scaled(Matrices.times(regularised, u), -1));
    double[] v = new double[u.length];
    for (int i = 0; i < v.length; i++) {
      v[i] = u[i] + w[i];
    }
    return v;
  }
}
