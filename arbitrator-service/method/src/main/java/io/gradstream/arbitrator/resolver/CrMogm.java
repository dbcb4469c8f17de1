package io.gradstream.arbitrator.resolver;

import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.proto.spec.Param;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * CR-MOGM: another method's weights, averaged over the rounds, so that noisy gradients change them
 * less (Zhou et al. 2022, "On the convergence of stochastic multi-objective gradient manipulation
 * and beyond", NeurIPS; checked against TorchJD's CRMOGM).
 *
 * <p>l = alpha l + (1 - alpha) w, from the given weights or from the first w. State: {@code lambda}
 * (N, empty before the first round) and, as {@code base.*}, the other method's.
 */
final class CrMogm implements Resolver {
  private static final String LAMBDA = "lambda";
  private static final String BASE = "base.";

  /** The methods whose weights can be averaged, with their defaults. */
  enum Base {
    UPGRAD,
    MGDA,
    MGDA_FRANK_WOLFE,
    CAGRAD,
    IMTL_G,
    ALIGNED_MTL,
    NASH_MTL,
    FAIRGRAD,
    PCGRAD,
    GCOND
  }

  /** Options of {@code cr-mogm}. */
  record Options(
      @Param(value = "whose weights are averaged", defaultValue = "mgda") Base base,
      @Param(value = "share of the old weights", defaultValue = "0.9", min = 0, max = 1)
          double alpha,
      @Param(value = "weights before the first round; those of the first round if absent")
          @Nullable List<Double> initialWeights) {}

  private final Options options;
  private final Resolver base;

  CrMogm(Options options, Resolver base) {
    this.options = options;
    this.base = base;
  }

  @Override
  public MethodState initialState(int tasks) {
    double[] given =
        options.initialWeights() == null
            ? new double[0]
            : OptionChecks.perTask("initial-weights", options.initialWeights(), tasks, 0);
    return MethodState.EMPTY.with(LAMBDA, given).with(BASE, base.initialState(tasks));
  }

  @Override
  public Resolution resolve(RoundStatistics round, MethodState state) {
    Resolution now = base.resolve(round, state.under(BASE));
    // Its weights are those of a sum; averaged here are those of the mean, as in TorchJD.
    double share = options.base() == Base.ALIGNED_MTL ? 1.0 / round.tasks() : 1;
    double[] ofBase = DoubleVectors.scaled(now.weights(), share);
    double[] before = state.get(LAMBDA);
    double[] lambda = ofBase.clone();
    if (before.length > 0) {
      for (int i = 0; i < lambda.length; i++) {
        lambda[i] = options.alpha() * before[i] + (1 - options.alpha()) * lambda[i];
      }
    }
    MethodState next = MethodState.EMPTY.with(LAMBDA, lambda).with(BASE, now.state());
    return new Resolution(lambda, now.arbitrations(), now.details(), now.fallback(), next)
        .with("base-weights", ofBase);
  }
}
