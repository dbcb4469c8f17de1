package io.gradstream.arbitrator.resolver;

import static io.gradstream.arbitrator.resolver.MethodInfo.Space.GRAM;

import io.gradstream.proto.spec.Catalog;
import io.gradstream.proto.spec.NoOptions;
import io.gradstream.proto.spec.Section;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;

/** The one place where all resolvers are named. */
public final class Resolvers {
  private static final Registry REGISTRY =
      Registry.EMPTY
          .with(
              "sum",
              NoOptions.class,
              options -> draws -> new WeightedSum(),
              "plain sum of the loss-weighted gradients (linear scalarisation)",
              new MethodInfo(GRAM, "baseline", "LibMTL EW", ""))
          .with(
              "gcond",
              GCond.Options.class,
              options -> draws -> new GCond(options),
              "resolves conflicts pair by pair, the steadier and stronger task first",
              new MethodInfo(
                  GRAM,
                  "Gradient Conductor, 2025, arXiv:2509.07252",
                  "AlevLab-dev/GCond 1b0518a",
                  "previous projection, norm averages, last winners"));

  /** From a section's kind and options to a resolver, given where random numbers come from. */
  public static final Catalog<Function<Draws, Resolver>> CATALOG = REGISTRY.catalog();

  private Resolvers() {}

  /**
   * The resolver of a run.
   *
   * @throws io.gradstream.proto.UserError if the method is unknown or an option is wrong
   */
  public static Resolver create(Section section) {
    return create(section, new CounterDraws());
  }

  /** The resolver of a section with random numbers from elsewhere. */
  public static Resolver create(Section section, Draws draws) {
    return CATALOG.create(section).apply(draws);
  }

  /** What is known of a registered method. */
  public static MethodInfo infoOf(String name) {
    MethodInfo info = REGISTRY.infos().get(name);
    if (info == null) {
      throw new IllegalArgumentException(name + " is not a resolver");
    }
    return info;
  }

  private record Registry(
      Catalog<Function<Draws, Resolver>> catalog, Map<String, MethodInfo> infos) {
    static final Registry EMPTY = new Registry(Catalog.of("resolver"), Map.of());

    <R extends Record> Registry with(
        String name,
        Class<R> options,
        Function<R, Function<Draws, Resolver>> factory,
        String doc,
        MethodInfo info) {
      var more = new LinkedHashMap<>(infos);
      more.put(name, info);
      return new Registry(catalog.with(name, options, doc, factory), more);
    }
  }
}
