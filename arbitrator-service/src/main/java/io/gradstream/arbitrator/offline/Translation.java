package io.gradstream.arbitrator.offline;

import io.gradstream.proto.spec.Section;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The one place where the names and parameters of the public implementations become ours.
 *
 * <p>A case whose variant is empty speaks our own language: its method is a resolver's name and its
 * parameters are that resolver's options. Otherwise the parameters are those of the named library
 * and are translated here; a parameter that has no counterpart is one that the library does not let
 * decide anything (a solver's iteration count where we solve to the end).
 */
final class Translation {
  private final GradientCase source;
  private final Map<String, Object> options = new LinkedHashMap<>();

  private Translation(GradientCase source) {
    this.source = source;
  }

  /** The resolver that a case asks for. */
  static Section resolver(GradientCase source) {
    if (source.variant().isEmpty()) {
      return Section.of(source.method(), source.params());
    }
    return new Translation(source).translate();
  }

  private Section translate() {
    return switch (source.method()) {
      case "ls" -> section("sum");
      case "gcond" -> gcond();
      default -> section(source.method());
    };
  }

  private Section gcond() {
    rename("conflict_thresholds", "thresholds");
    rename("tie_breaking_weights", "tie-breaking-weights");
    rename("remap_power", "remap-power");
    rename("norm_ema_beta", "norm-ema-beta");
    rename("norm_cap", "norm-cap");
    rename("dominance_window", "dominance-window");
    rename("projection_max_iters", "max-iterations");
    rename("stability_reference", "stability");
    rename("eps", "eps");
    options.put("projection", Boolean.FALSE.equals(param("use_smooth_logic")) ? "zones" : "smooth");
    return section("gcond");
  }

  private Section section(String kind) {
    return Section.of(kind, options);
  }

  /** Takes a parameter over under our name, unless it is absent or "none". */
  private void rename(String theirs, String ours) {
    Object value = param(theirs);
    if (value != null) {
      options.put(ours, value);
    }
  }

  private @Nullable Object param(String name) {
    Object value = source.params().get(name);
    return "none".equals(value) ? null : value;
  }
}
