package io.gradstream.proto.spec;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** A resolver catalog as a service would have it, for tests of everything that reads sections. */
final class Methods {
  enum Mode {
    SMOOTH,
    HARD_ZONES
  }

  record GcondOptions(
      @Param(value = "projection strength", defaultValue = "smooth") Mode mode,
      @Param(value = "cosine limits", defaultValue = "[-0.8, -0.5, 0.0]", min = -1, max = 1)
          List<Double> thresholds,
      @Param(value = "remap power", defaultValue = "2.0", min = 0, exclusiveMin = true)
          double power,
      @Param(value = "norm cap; absent: none", min = 0) @Nullable Double normCap,
      @Param(value = "loop limit", defaultValue = "0", min = 0) int iterations,
      @Param(value = "raw previous gradients", defaultValue = "true") boolean raw) {
    GcondOptions {
      for (int i = 1; i < thresholds.size(); i++) {
        if (thresholds.get(i) <= thresholds.get(i - 1)) {
          throw new SpecError("thresholds", thresholds + " do not rise; give them in rising order");
        }
      }
    }
  }

  record CagradOptions(
      @Param(value = "radius c", min = 0, max = 1, exclusiveMax = true) double calpha) {}

  static final Catalog<Record> CATALOG =
      Catalog.<Record>of("resolver")
          .with("gcond", GcondOptions.class, "GCond: accumulate, then arbitrate", o -> o)
          .with("sum", NoOptions.class, "the weighted sum", o -> o)
          .with("cagrad", CagradOptions.class, "CAGrad (Liu et al. 2021)", Methods::cagrad);

  private static Record cagrad(CagradOptions options) {
    if (options.calpha() == 0) {
      throw new SpecError("calpha", "0 is the sum; use sum");
    }
    return options;
  }

  private Methods() {}
}
