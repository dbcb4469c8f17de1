package io.gradstream.producer.loss;

import io.gradstream.proto.spec.Catalog;
import io.gradstream.proto.spec.NoOptions;

/** The losses of models that reconstruct images, by the name that a task gives. */
public final class ReconstructionLosses {
  public static final Catalog<ReconstructionLoss> CATALOG =
      Catalog.<ReconstructionLoss>of("loss of a model that reconstructs images")
          .with(
              "masked-l1",
              NoOptions.class,
              "mean absolute difference on masked patches, normalised",
              options -> new MaskedL1())
          .with(
              "masked-ssim",
              MaskedSsim.class,
              "1 - structural similarity on masked patches, brightness in [0, 1]",
              options -> options)
          .open(ReconstructionLossPlugin.class);

  private ReconstructionLosses() {}
}
