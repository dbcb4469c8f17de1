package io.gradstream.arbitrator.resolver;

import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.proto.spec.Param;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * PBI, penalty-based boundary intersection: how far the losses are along the preference's ray, and
 * theta times how far off it (Zhang and Li 2007, "MOEA/D", section III.A; checked against TorchJD's
 * PBI).
 *
 * <p>f = L - z, h = r / |r|, p = f - (f.h) h: w = h + theta p / sqrt(|p|^2 + 1e-12). Weights may be
 * negative.
 */
final class BoundaryIntersection implements Resolver {
  private static final double FLOOR = 1e-12;

  /** Options of {@code pbi}. */
  record Options(
      @Param(value = "the preference r, one number per task; all 1/N if absent", min = 0)
          @Nullable List<Double> preference,
      @Param(value = "the ideal losses z that the ray starts at; all 0 if absent")
          @Nullable List<Double> ideal,
      @Param(value = "how much the distance off the ray counts", defaultValue = "5.0", min = 0)
          double theta) {}

  private final Options options;

  BoundaryIntersection(Options options) {
    this.options = options;
  }

  @Override
  public MethodState initialState(int tasks) {
    OptionChecks.preference(options.preference(), tasks);
    OptionChecks.perTask("ideal", options.ideal(), tasks, 0);
    return MethodState.EMPTY;
  }

  @Override
  public Resolution resolve(RoundStatistics round, MethodState state) {
    int n = round.tasks();
    double[] r = OptionChecks.preference(options.preference(), n);
    double[] ideal = OptionChecks.perTask("ideal", options.ideal(), n, 0);
    double[] ray = DoubleVectors.scaled(r, 1 / Math.sqrt(DoubleVectors.dot(r, r)));
    double[] off = new double[n];
    for (int i = 0; i < n; i++) {
      off[i] = round.losses()[i] - ideal[i];
    }
    double along = DoubleVectors.dot(off, ray);
    for (int i = 0; i < n; i++) {
      off[i] -= along * ray[i];
    }
    double distance = Math.sqrt(DoubleVectors.dot(off, off) + FLOOR);
    double[] weights = new double[n];
    for (int i = 0; i < n; i++) {
      weights[i] = ray[i] + options.theta() * off[i] / distance;
    }
    return Resolution.of(weights, state);
  }
}
