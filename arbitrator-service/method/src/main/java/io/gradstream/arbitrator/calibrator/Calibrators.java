package io.gradstream.arbitrator.calibrator;

import io.gradstream.proto.spec.Catalog;
import io.gradstream.proto.spec.NoOptions;
import io.gradstream.proto.spec.Section;

/** All calibrators, by the names that the run spec uses. */
public final class Calibrators {
  /** From a section's kind and options to a calibrator. */
  public static final Catalog<Calibrator> CATALOG =
      Catalog.<Calibrator>of("calibrator")
          .with("none", NoOptions.class, "gradients pass as they are", options -> new PassThrough())
          .with(
              "vargrad",
              VarGrad.Options.class,
              "moving average against noise over time (at gamma 1, as published, the identity)",
              VarGrad::new)
          .with(
              "moco",
              MocoTracker.Options.class,
              "moving average of normalised gradients, for the resolver moco",
              MocoTracker::new)
          .with(
              "db-mtl",
              DbMtlAverage.Options.class,
              "moving average of the gradients of the losses' logarithms, for the resolver db-mtl",
              DbMtlAverage::new)
          .open(CalibratorPlugin.class);

  private Calibrators() {}

  /**
   * The calibrator of a run.
   *
   * @throws io.gradstream.proto.UserError if the method is unknown or an option is wrong
   */
  public static Calibrator create(Section section) {
    return CATALOG.create(section);
  }
}
