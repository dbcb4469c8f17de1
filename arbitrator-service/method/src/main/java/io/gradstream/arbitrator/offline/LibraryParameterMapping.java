package io.gradstream.arbitrator.offline;

import io.gradstream.arbitrator.offline.GradientCase.Step;
import io.gradstream.arbitrator.resolver.MethodState;
import io.gradstream.proto.UserError;
import io.gradstream.proto.spec.Section;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Translates the names and parameters of the public implementations into ours.
 *
 * <p>A case whose variant is empty speaks our own language: its method is a resolver's name, its
 * parameters are that resolver's options, and a parameter {@code calibrator} names one with its
 * options. Otherwise the parameters are those of the named library and are translated here;
 * parameters without a counterpart are ignored, such as how long a solver may iterate, since ours
 * solve to the end.
 */
final class LibraryParameterMapping {
  /** A stream counts rounds where libraries count epochs; far more than a case has steps. */
  private static final long ROUNDS_PER_EPOCH = 1_000_000;

  private static final Section NO_CALIBRATOR = Section.of("none", Map.of());

  private final GradientCase source;

  LibraryParameterMapping(GradientCase source) {
    this.source = source;
  }

  /** The resolver, or null where a case shows a calibrator alone. */
  @Nullable Section resolver() {
    var options = new Options();
    if (source.variant().isEmpty()) {
      source.params().forEach(options.values::put);
      options.values.remove("calibrator");
      return options.section(ours(source.method()));
    }
    return switch (source.method()) {
      case "ls" -> options.section("sum");
      case "gcond" -> gcond(options);
      case "pcgrad" ->
          options.take("include_self", "include-self").take("eps", "eps").section("pcgrad");
      case "cagrad" ->
          options
              .take("calpha", "c")
              .put("rescale", List.of("none", "squared", "linear").get(integer("rescale")))
              .section("cagrad");
      case "mgda" ->
          source.variant().equals("torchjd-fw")
              ? options
                  .put("solver", "frank-wolfe")
                  .take("epsilon", "epsilon")
                  .take("max_iters", "max-iterations")
                  .section("mgda")
              : options
                  .put("normalization", text("normalization").replace("+", "-plus"))
                  .section("mgda");
      case "imtl_g" -> options.section("imtl-g");
      case "nash_mtl" ->
          options
              .take("update_weights_every", "update-weights-every")
              .take("max_norm", "max-norm")
              .section("nash-mtl");
      case "fairgrad" -> options.take("alpha", "alpha").section("fairgrad");
      case "aligned_mtl" ->
          options
              .take("scale_mode", "scale")
              .put("preference", preference())
              .section("aligned-mtl");
      case "upgrad", "dualproj" ->
          options
              .put("preference", preference())
              .take("norm_eps", "norm-eps")
              .take("reg_eps", "reg-eps")
              .section(source.method());
      case "excess_mtl" ->
          source.variant().equals("libmtl")
              ? options.take("robust_step_size", "step").put("floor", 0.0).section("excess-mtl")
              : options
                  .take("robust_step_size", "step")
                  .take("n_warmup_steps", "warmup-rounds")
                  .put("total", "one")
                  .section("excess-mtl");
      case "modo" ->
          options
              .take("gamma", "gamma")
              .take("rho", "rho")
              .take("update", "update")
              .section("modo");
      case "sdmgrad" ->
          options
              .take("lambda", "lambda")
              .take("n_iter", "iterations")
              .take("lr", "learning-rate")
              .take("momentum", "momentum")
              .put("preference", preference())
              .section("sdmgrad");
      case "graddrop" -> options.take("leak", "leak").section("graddrop");
      case "moco" ->
          options
              .take("MoCo_gamma", "gamma")
              .take("MoCo_gamma_sigma", "gamma-sigma")
              .take("MoCo_rho", "rho")
              .section("moco");
      case "gradnorm" ->
          options
              .take("alpha", "alpha")
              .take("scale_optimizer", "scale-optimizer")
              .take("scale_lr", "scale-learning-rate")
              .put("rounds-per-epoch", ROUNDS_PER_EPOCH)
              .put("zero-gradient", "moves")
              .section("gradnorm");
      case "uw" ->
          options
              .take("init", "initial")
              .take("scale_optimizer", "scale-optimizer")
              .take("scale_lr", "scale-learning-rate")
              .section("uw");
      case "dwa" ->
          source.variant().equals("nash-mtl-window")
              ? options
                  .put("mode", "window")
                  .take("temperature", "temperature")
                  .take("iteration_window", "window")
                  .section("dwa")
              : options
                  .take("temperature", "temperature")
                  .put("rounds-per-epoch", ROUNDS_PER_EPOCH)
                  .section("dwa");
      case "famo" ->
          options
              .take("w_lr", "learning-rate")
              .take("w_gamma", "weight-decay")
              .take("min_losses", "min-losses")
              .section("famo");
      case "stch" ->
          options
              .take("mu", "mu")
              .take("warmup_epoch", "warmup-epoch")
              .put("rounds-per-epoch", ROUNDS_PER_EPOCH)
              .section("stch");
      case "gradvac" -> options.take("beta", "beta").take("eps", "eps").section("gradvac");
      case "imtl_l", "imtl" ->
          options
              .take("init", "initial")
              .take("scale_optimizer", "scale-optimizer")
              .take("scale_lr", "scale-learning-rate")
              .section(ours(source.method()));
      case "krum" ->
          options.take("n_byzantine", "byzantine").take("n_selected", "selected").section("krum");
      case "trimmed_mean" -> options.take("trim_number", "trimmed").section("trimmed-mean");
      case "config" -> options.put("preference", preference()).section("config");
      case "pcd" ->
          options
              .put("tau", param("tau") instanceof Number tau ? List.of(tau) : param("tau"))
              .take("beta", "beta")
              .take("eps", "eps")
              .section("pcd");
      case "cosmos" ->
          options.take("lambda", "penalty").take("weights", "preference").section("cosmos");
      case "pbi", "stch_plain" ->
          options
              .take("theta", "theta")
              .take("mu", "mu")
              .put("preference", "mean".equals(param("weights")) ? null : param("weights"))
              .take("reference", "ideal")
              .section(ours(source.method()));
      case "cr_mogm" ->
          options
              .put("base", text("base").equals("mgda") ? "mgda-frank-wolfe" : ours(text("base")))
              .take("alpha", "alpha")
              .take("initial_weights", "initial-weights")
              .section("cr-mogm");
      case "vargrad" ->
          switch (text("base")) {
            case "fairgrad-exact" -> options.section("fairgrad");
            case "mgda-exact" -> options.section("mgda");
            case "imtl_g" -> options.section("imtl-g");
            default -> null;
          };
      default -> options.section(ours(source.method()));
    };
  }

  /** Our name of a method: public code writes imtl_g for imtl-g, and ls for sum. */
  private static String ours(String method) {
    return method.equals("ls") ? "sum" : method.replace('_', '-');
  }

  private Section gcond(Options options) {
    return options
        .put("projection", Boolean.FALSE.equals(param("use_smooth_logic")) ? "zones" : "smooth")
        .take("conflict_thresholds", "thresholds")
        .take("tie_breaking_weights", "tie-breaking-weights")
        .take("remap_power", "remap-power")
        .take("norm_ema_beta", "norm-ema-beta")
        .take("norm_cap", "norm-cap")
        .take("dominance_window", "dominance-window")
        .take("projection_max_iters", "max-iterations")
        .take("stability_reference", "stability")
        .put("scores", "projected")
        .put("norm-average", "from-one")
        .put("dominance", "overall")
        .put("critical-loser", "dropped")
        .put("tolerance", 0.0)
        .put("eps", 1e-8)
        .take("eps", "eps")
        .section("gcond");
  }

  /** The calibrator of a step; only its beta may differ from step to step. */
  Section calibrator(Step step) {
    var options = new Options();
    if (source.variant().isEmpty()) {
      return ownCalibrator();
    }
    return switch (source.method()) {
      case "vargrad" ->
          options
              .take("beta", "beta")
              .put("beta", step.inputs().get("beta"))
              .put("gamma", source.params().getOrDefault("gamma", 1))
              .section("vargrad");
      case "moco" ->
          options.take("MoCo_beta", "beta").take("MoCo_beta_sigma", "beta-sigma").section("moco");
      case "db_mtl" ->
          options.take("DB_beta", "beta").take("DB_beta_sigma", "beta-sigma").section("db-mtl");
      default -> NO_CALIBRATOR;
    };
  }

  private Section ownCalibrator() {
    Object value = source.params().get("calibrator");
    if (value == null) {
      return NO_CALIBRATOR;
    }
    if (value instanceof String name) {
      return Section.of(name, Map.of());
    }
    if (value instanceof Map<?, ?> map && map.get("method") instanceof String name) {
      var options = new Options();
      map.forEach((key, entry) -> options.put(String.valueOf(key), entry));
      options.values.remove("method");
      return options.section(name);
    }
    throw new UserError(
        "case "
            + source.id()
            + ": params.calibrator must be a name or an object with \"method\", not "
            + value);
  }

  /** The gate of selective optimisation, or null where every round is joint. */
  @Nullable Section gate() {
    return source.params().get("tau") == null || !source.variant().startsWith("smo")
        ? null
        : new Options()
            .take("tau", "tau")
            .take("w_lr", "learning-rate")
            .take("w_gamma", "weight-decay")
            .section("selective-optimization");
  }

  /** The number of the round that stands for a step. */
  static long round(int index, Step step) {
    return step.inputs().get("epoch") instanceof Number epoch
        ? epoch.longValue() * ROUNDS_PER_EPOCH + index
        : index;
  }

  /**
   * The state before a step, with the mean losses of earlier epochs that a case gives in place of
   * their steps.
   */
  MethodState given(Step step, MethodState state) {
    return switch (source.method()) {
      case "gradnorm" -> {
        Object losses = source.params().get("initial_losses");
        yield losses == null
            ? state
            : state
                .with("loss-sums", GradientCase.numbersOf("initial_losses", losses))
                .with("loss-rounds", 1);
      }
      case "dwa" -> {
        double[] last = step.numbers("epoch_mean_loss_prev1");
        double[] before = step.numbers("epoch_mean_loss_prev2");
        yield last == null || before == null
            ? state
            : state
                .with("last-epoch", last)
                .with("epoch-before", before)
                .with("epoch", (double) Math.floorDiv(round(0, step), ROUNDS_PER_EPOCH));
      }
      default -> state;
    };
  }

  /** "ones" and "mean" are the same weight for all; otherwise one number per task. */
  private @Nullable Object preference() {
    Object value = param("pref");
    int tasks = source.steps().getFirst().tasks();
    if ("ones".equals(value)) {
      return Collections.nCopies(tasks, 1.0);
    }
    return "mean".equals(value) ? Collections.nCopies(tasks, 1.0 / tasks) : value;
  }

  private int integer(String name) {
    return param(name) instanceof Number number ? number.intValue() : 0;
  }

  private String text(String name) {
    return String.valueOf(param(name));
  }

  private @Nullable Object param(String name) {
    Object value = source.params().get(name);
    return "none".equals(value) && !name.equals("normalization") ? null : value;
  }

  /** Options of one section under our names. */
  private final class Options {
    private final Map<String, Object> values = new LinkedHashMap<>();

    /** Takes a parameter over under our name, unless it is absent or "none". */
    Options take(String theirs, String ours) {
      return put(ours, param(theirs));
    }

    Options put(String name, @Nullable Object value) {
      if (value != null) {
        values.put(name, value);
      }
      return this;
    }

    Section section(String kind) {
      return Section.of(kind, values);
    }
  }
}
