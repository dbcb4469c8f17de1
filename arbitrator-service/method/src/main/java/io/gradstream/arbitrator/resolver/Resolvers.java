package io.gradstream.arbitrator.resolver;

import static io.gradstream.arbitrator.resolver.MethodInfo.Need.EXCESS;
import static io.gradstream.arbitrator.resolver.MethodInfo.Need.LOSSES;
import static io.gradstream.arbitrator.resolver.MethodInfo.Need.PREVIOUS;
import static io.gradstream.arbitrator.resolver.MethodInfo.Need.RANDOM;
import static io.gradstream.arbitrator.resolver.MethodInfo.Need.SAMPLES;
import static io.gradstream.arbitrator.resolver.MethodInfo.Space.ELEMENTWISE;
import static io.gradstream.arbitrator.resolver.MethodInfo.Space.GRAM;
import static io.gradstream.arbitrator.resolver.MethodInfo.Space.LOSS_ONLY;

import io.gradstream.arbitrator.resolver.MethodInfo.Need;
import io.gradstream.proto.spec.Catalog;
import io.gradstream.proto.spec.NoOptions;
import io.gradstream.proto.spec.Section;
import io.gradstream.proto.spec.plugin.Plugins;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;

/** All resolvers, by the names that the run spec uses: ours, and those of plug-ins. */
public final class Resolvers {
  private static final Registry REGISTRY =
      Registry.EMPTY
          .with(
              "sum",
              NoOptions.class,
              options -> draws -> new WeightedSum(),
              "plain sum of the loss-weighted gradients (linear scalarisation)",
              new MethodInfo(LOSS_ONLY, "baseline", "LibMTL EW", ""))
          .with(
              "gcond",
              GCondOptions.class,
              options -> draws -> new GCond(options),
              "resolves conflicts pair by pair, the steadier and stronger task first",
              new MethodInfo(
                  GRAM,
                  "GCond 2025, arXiv:2509.07252",
                  "AlevLab-dev/GCond",
                  "previous norms, norm averages, wins in a row"),
              PREVIOUS)
          .with(
              "gcond-paper",
              NoOptions.class,
              options -> draws -> new GCond(GCondOptions.paper(GCondOptions.Projection.SMOOTH)),
              "gcond as its paper trained with it: no dominance window, three projections at most",
              new MethodInfo(
                  GRAM,
                  "GCond 2025, arXiv:2509.07252, table 5",
                  "gcond",
                  "previous norms, norm averages"),
              PREVIOUS)
          .with(
              "gcond-as-pcgrad",
              NoOptions.class,
              options -> draws -> new GCond(GCondOptions.paper(GCondOptions.Projection.HARD)),
              "the paper's ablation: gcond-paper with PCGrad's projections, nobody wins",
              new MethodInfo(
                  GRAM,
                  "GCond 2025, arXiv:2509.07252, ablation",
                  "gcond",
                  "previous norms, norm averages"))
          .with(
              "pcgrad",
              PcGrad.Options.class,
              options -> draws -> new PcGrad(options, draws),
              "projects each gradient off those it conflicts with, in random order",
              new MethodInfo(GRAM, "Yu et al. 2020, arXiv:2001.06782", "LibMTL, TorchJD", ""),
              RANDOM)
          .with(
              "cagrad",
              CaGrad.Options.class,
              options -> draws -> new CaGrad(options),
              "helps the worst-off task within a ball around the mean gradient",
              new MethodInfo(GRAM, "Liu et al. 2021, arXiv:2110.14048", "LibMTL", ""))
          .with(
              "mgda",
              Mgda.Options.class,
              options -> draws -> new Mgda(options),
              "smallest norm in the convex hull of the gradients",
              new MethodInfo(
                  GRAM, "Sener and Koltun 2018, arXiv:1810.04650", "LibMTL, TorchJD", ""))
          .with(
              "imtl-g",
              NoOptions.class,
              options -> draws -> new ImtlG(),
              "equal projections on all gradients' directions",
              new MethodInfo(GRAM, "Liu et al. 2021, ICLR", "LibMTL, TorchJD", ""))
          .with(
              "nash-mtl",
              NashMtl.Options.class,
              options -> draws -> new NashMtl(options),
              "Nash bargaining solution of the tasks",
              new MethodInfo(
                  GRAM, "Navon et al. 2022, arXiv:2202.01017", "LibMTL", "previous solution"))
          .with(
              "fairgrad",
              FairGrad.Options.class,
              options -> draws -> new FairGrad(options),
              "greatest alpha-fair utility of the tasks",
              new MethodInfo(GRAM, "Ban and Ji 2024, arXiv:2402.15638", "LibMTL", ""))
          .with(
              "aligned-mtl",
              AlignedMtl.Options.class,
              options -> draws -> new AlignedMtl(options),
              "nearest gradients whose system has condition number 1",
              new MethodInfo(
                  GRAM, "Senushkin et al. 2023, arXiv:2305.19000", "LibMTL, TorchJD", ""))
          .with(
              "upgrad",
              DualCone.Options.class,
              options -> draws -> new UpGrad(options),
              "each gradient projected so that it conflicts with nobody, then combined",
              new MethodInfo(GRAM, "Quinton and Rey 2024, arXiv:2406.16232", "TorchJD", ""))
          .with(
              "dualproj",
              DualCone.Options.class,
              options -> draws -> new DualProj(options),
              "the mean gradient projected so that it conflicts with nobody",
              new MethodInfo(GRAM, "Lopez-Paz and Ranzato 2017, arXiv:1706.08840", "TorchJD", ""))
          .with(
              "moco",
              Moco.Options.class,
              options -> draws -> new Moco(options),
              "weights that descend the tracked gradients' norm; with the calibrator moco",
              new MethodInfo(
                  GRAM, "Fernando et al. 2023, ICLR", "LibMTL", "weights, number of rounds"))
          .with(
              "modo",
              MoDo.Options.class,
              options -> draws -> new MoDo(options),
              "weights that descend the common gradient's norm, from two independent samples",
              new MethodInfo(
                  GRAM, "Chen et al. 2023, arXiv:2305.20057", "LibMTL, TorchJD", "weights"),
              SAMPLES)
          .with(
              "sdmgrad",
              SdmGrad.Options.class,
              options -> draws -> new SdmGrad(options),
              "common descent direction near a preferred one, from independent samples",
              new MethodInfo(
                  GRAM, "Xiao et al. 2023, arXiv:2305.18409", "LibMTL, TorchJD", "weights"),
              SAMPLES)
          .with(
              "gradnorm",
              GradNorm.Options.class,
              options -> draws -> new GradNorm(options),
              "learns weights that balance gradient norms and training rates",
              new MethodInfo(
                  GRAM,
                  "Chen et al. 2018, arXiv:1711.02257",
                  "LibMTL",
                  "scales, their optimizer, initial losses"),
              LOSSES)
          .with(
              "gradvac",
              GradVac.Options.class,
              options -> draws -> new GradVac(options, draws),
              "turns gradients towards each other until their cosines reach their running averages",
              new MethodInfo(
                  GRAM, "Wang et al. 2021, arXiv:2010.05874", "LibMTL, TorchJD", "average cosines"),
              RANDOM)
          .with(
              "imtl",
              ImtlL.Options.class,
              options -> draws -> new Imtl(options),
              "imtl-g on gradients whose losses imtl-l has scaled",
              new MethodInfo(
                  GRAM, "Liu et al. 2021, ICLR", "LibMTL", "log-scales, their optimizer"),
              LOSSES)
          .with(
              "config",
              ConFig.Options.class,
              options -> draws -> new ConFig(options),
              "the direction with the same cosine to all gradients",
              new MethodInfo(GRAM, "Liu et al. 2025, arXiv:2408.11104", "TorchJD", ""))
          .with(
              "pcd",
              PriorityDescent.Options.class,
              options -> draws -> new PriorityDescent(options),
              "nearest to the primary task's gradient while all others descend",
              new MethodInfo(
                  GRAM,
                  "Varam and AlHajri 2026, arXiv:2606.29521",
                  "TorchJD",
                  "average squared norms"))
          .with(
              "db-mtl",
              NoOptions.class,
              options -> draws -> new DbMtl(),
              "all gradients as long as the longest; with the calibrator db-mtl",
              new MethodInfo(GRAM, "Lin et al. 2023, arXiv:2308.12029", "LibMTL", ""))
          .with(
              "cr-mogm",
              CrMogm.Options.class,
              options -> draws -> new CrMogm(options, baseOf(options.base(), draws)),
              "another method's weights, averaged over the rounds",
              new MethodInfo(
                  GRAM,
                  "Zhou et al. 2022, NeurIPS",
                  "TorchJD",
                  "average weights, the other method's state"))
          .with(
              "excess-mtl",
              ExcessMtl.Options.class,
              options -> draws -> new ExcessMtl(options),
              "weights grow with a task's excess risk, against tasks of noisy labels",
              new MethodInfo(
                  GRAM,
                  "He et al. 2024, arXiv:2402.02009",
                  "LibMTL, TorchJD",
                  "log-weights, first excess risks, sums of squared gradients"),
              EXCESS)
          .with(
              "krum",
              Krum.Options.class,
              options -> draws -> new Krum(options),
              "the gradients nearest to their neighbours, against wrong ones",
              new MethodInfo(GRAM, "Blanchard et al. 2017, arXiv:1703.02757", "TorchJD", ""))
          .with(
              "graddrop",
              GradDrop.Options.class,
              options -> draws -> new GradDrop(options, draws),
              "keeps one random sign in each element",
              new MethodInfo(ELEMENTWISE, "Chen et al. 2020, arXiv:2010.06808", "TorchJD", ""),
              RANDOM)
          .with(
              "trimmed-mean",
              TrimmedMean.Options.class,
              options -> draws -> new TrimmedMean(options),
              "mean without the extremes in each element, against wrong gradients",
              new MethodInfo(ELEMENTWISE, "Yin et al. 2018, arXiv:1803.01498", "TorchJD", ""))
          .with(
              "si",
              NoOptions.class,
              options -> draws -> new ScaleInvariant(),
              "sum of the losses' logarithms",
              new MethodInfo(LOSS_ONLY, "baseline of Navon et al. 2022", "nash-mtl", ""),
              LOSSES)
          .with(
              "rlw",
              NoOptions.class,
              options -> draws -> new RandomWeighting(draws),
              "random weights, new each round",
              new MethodInfo(LOSS_ONLY, "Lin et al. 2022, arXiv:2111.10603", "LibMTL", ""),
              RANDOM)
          .with(
              "dwa",
              DynamicWeightAverage.Options.class,
              options -> draws -> new DynamicWeightAverage(options),
              "favours tasks whose loss falls slowly",
              new MethodInfo(
                  LOSS_ONLY,
                  "Liu et al. 2019, arXiv:1803.10704",
                  "LibMTL, nash-mtl",
                  "mean losses of the last epochs or rounds"),
              LOSSES)
          .with(
              "uw",
              UncertaintyWeighting.Options.class,
              options -> draws -> new UncertaintyWeighting(options),
              "weights by learned uncertainty",
              new MethodInfo(
                  LOSS_ONLY,
                  "Kendall et al. 2018, arXiv:1705.07115",
                  "LibMTL, nash-mtl",
                  "log-variances, their optimizer"),
              LOSSES)
          .with(
              "famo",
              Famo.Options.class,
              options -> draws -> new Famo(options),
              "lowers all losses at the same relative rate, from the losses alone",
              new MethodInfo(
                  LOSS_ONLY,
                  "Liu et al. 2023, arXiv:2306.03792",
                  "LibMTL",
                  "logits, their optimizer, last losses"),
              LOSSES)
          .with(
              "stch",
              SmoothTchebycheff.Options.class,
              options -> draws -> new SmoothTchebycheff(options),
              "smooth maximum of the losses over a nadir point",
              new MethodInfo(
                  LOSS_ONLY, "Lin et al. 2024, arXiv:2402.19078", "LibMTL", "nadir point"),
              LOSSES)
          .with(
              "gls",
              NoOptions.class,
              options -> draws -> new GeometricLoss(),
              "geometric mean of the losses",
              new MethodInfo(
                  LOSS_ONLY, "Chennupati et al. 2019, arXiv:1904.08492", "LibMTL, TorchJD", ""),
              LOSSES)
          .with(
              "imtl-l",
              ImtlL.Options.class,
              options -> draws -> new ImtlL(options),
              "learned scales that bring all losses to one size",
              new MethodInfo(
                  LOSS_ONLY, "Liu et al. 2021, ICLR", "TorchJD", "log-scales, their optimizer"),
              LOSSES)
          .with(
              "stch-plain",
              PlainSmoothTchebycheff.Options.class,
              options -> draws -> new PlainSmoothTchebycheff(options),
              "smooth maximum of the losses themselves",
              new MethodInfo(LOSS_ONLY, "Lin et al. 2024, arXiv:2402.19078", "TorchJD", ""),
              LOSSES)
          .with(
              "cosmos",
              Cosmos.Options.class,
              options -> draws -> new Cosmos(options),
              "weighted sum less the angle between losses and preference",
              new MethodInfo(
                  LOSS_ONLY, "Ruchte and Grabocka 2021, arXiv:2103.13392", "TorchJD", ""),
              LOSSES)
          .with(
              "pbi",
              BoundaryIntersection.Options.class,
              options -> draws -> new BoundaryIntersection(options),
              "along the preference's ray, with a penalty for leaving it",
              new MethodInfo(LOSS_ONLY, "Zhang and Li 2007, MOEA/D", "TorchJD", ""),
              LOSSES);

  /** From a section's kind and options to a resolver, given where random numbers come from. */
  public static final Catalog<Function<RandomSource, Resolver>> CATALOG =
      REGISTRY.catalog().open(ResolverPlugin.class);

  private Resolvers() {}

  /**
   * The resolver of a run.
   *
   * @throws io.gradstream.proto.UserError if the method is unknown or an option is wrong
   */
  public static Resolver create(Section section) {
    return create(section, new SeededRandomSource());
  }

  /** The resolver of a section with random numbers from elsewhere. */
  public static Resolver create(Section section, RandomSource draws) {
    Resolver method = CATALOG.create(section).apply(draws);
    return method instanceof ElementwiseResolver ? method : new GuardedResolver(method);
  }

  private static Resolver baseOf(CrMogm.Base base, RandomSource draws) {
    String name = base.name().toLowerCase(Locale.ROOT).replace('_', '-');
    Section section =
        base == CrMogm.Base.MGDA_FRANK_WOLFE
            ? Section.of("mgda", Map.of("solver", "frank-wolfe"))
            : Section.of(name, Map.of());
    return create(section, draws);
  }

  /** What is known of a registered method. */
  public static MethodInfo infoOf(String name) {
    MethodInfo info = REGISTRY.infos().get(name);
    if (info != null) {
      return info;
    }
    return Plugins.of(ResolverPlugin.class).stream()
        .filter(each -> each.plugin().name().equals(name))
        .map(each -> ((ResolverPlugin<?>) each.plugin()).info())
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException(name + " is not a resolver"));
  }

  private record Registry(
      Catalog<Function<RandomSource, Resolver>> catalog, Map<String, MethodInfo> infos) {
    static final Registry EMPTY = new Registry(Catalog.of("resolver"), Map.of());

    <R extends Record> Registry with(
        String name,
        Class<R> options,
        Function<R, Function<RandomSource, Resolver>> factory,
        String doc,
        MethodInfo info,
        Need... needs) {
      var more = new LinkedHashMap<>(infos);
      more.put(name, info.needing(needs));
      return new Registry(catalog.with(name, options, doc, factory), more);
    }
  }
}
