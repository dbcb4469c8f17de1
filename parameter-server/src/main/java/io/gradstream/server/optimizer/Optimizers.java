package io.gradstream.server.optimizer;

import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.spec.Catalog;
import io.gradstream.proto.spec.Momentum;
import io.gradstream.proto.spec.RunSpec;

/** All optimizers, by the names that the run spec uses. */
public final class Optimizers {
  /** Makes an optimizer for a run. */
  @FunctionalInterface
  public interface Factory {
    Optimizer create(boolean integratedMomentum, Kernels kernels);
  }

  public static final Catalog<Factory> CATALOG =
      Catalog.<Factory>of("optimizer")
          .with(
              "sgd",
              Sgd.Options.class,
              "stochastic gradient descent",
              options -> (integrated, kernels) -> new Sgd(options, kernels))
          .with(
              "adamw",
              AdamW.Options.class,
              "AdamW; without beta1 where momentum is integrated",
              options -> (integrated, kernels) -> new AdamW(options, integrated, kernels))
          .with(
              "lion-lars",
              LionLars.Options.class,
              "GCond's sign of the momentum with a trust ratio per tensor",
              options -> (integrated, kernels) -> new LionLars(options, kernels))
          .open(OptimizerPlugin.class);

  private Optimizers() {}

  /**
   * The optimizer of a run.
   *
   * @throws io.gradstream.proto.UserError if the type is unknown or an option is wrong
   */
  public static Optimizer create(RunSpec spec, Kernels kernels) {
    return CATALOG
        .create(spec.optimizer())
        .create(spec.momentum().mode() == Momentum.Mode.INTEGRATED, kernels);
  }
}
