package io.gradstream.cli;

import io.gradstream.arbitrator.calibrator.Calibrators;
import io.gradstream.arbitrator.resolver.Resolvers;
import io.gradstream.arbitrator.selection.Selections;
import io.gradstream.producer.data.DataSources;
import io.gradstream.producer.loss.GivenLosses;
import io.gradstream.producer.loss.Objectives;
import io.gradstream.producer.loss.OutputLosses;
import io.gradstream.producer.loss.ReconstructionLosses;
import io.gradstream.producer.model.Models;
import io.gradstream.proto.spec.Catalog;
import io.gradstream.proto.spec.JsonSchema;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.spec.plugin.Plugins;
import io.gradstream.server.optimizer.Optimizers;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The catalogs of what each section of a run spec can name, from all services. */
final class SpecCatalogs {
  private SpecCatalogs() {}

  /** Catalogs by the section's path in the spec. */
  static Map<String, Catalog<?>> all() {
    final var catalogs = new LinkedHashMap<String, Catalog<?>>();
    catalogs.put("resolver", Resolvers.CATALOG);
    catalogs.put("calibrator", Calibrators.CATALOG);
    catalogs.put("selection", Selections.CATALOG);
    catalogs.put("optimizer", Optimizers.CATALOG);
    catalogs.put("model", Models.CATALOG);
    catalogs.put(
        "tasks.loss",
        Catalog.union(
            "loss",
            List.of(
                ReconstructionLosses.CATALOG,
                Objectives.CATALOG,
                GivenLosses.CATALOG,
                OutputLosses.CATALOG)));
    catalogs.put("data", DataSources.CATALOG);
    return catalogs;
  }

  /**
   * Requires that each plug-in is one of a kind that specs can name, under a name of its own, and
   * with options that can be read.
   *
   * @throws io.gradstream.proto.UserError that names the first one that is not
   */
  static void requireUsable() {
    final Map<String, Catalog<?>> catalogs = all();
    for (final Plugins.Loaded<?, ?> loaded : Plugins.all()) {
      final String name = loaded.plugin().name();
      final String type = loaded.plugin().getClass().getName();
      final Catalog<?> catalog = catalogs.get(loaded.plugin().section());
      if (catalog == null
          || !catalog.names().contains(name)
          || catalog.jarOf(name).filter(loaded.jar()::equals).isEmpty()) {
        throw loaded
            .jar()
            .error(
                "%s is of no kind that a spec can name; implement ResolverPlugin, ModelPlugin, ... in place of Plugin itself"
                    .formatted(type));
      }
      try {
        catalog.parametersOf(name);
      } catch (IllegalStateException | IllegalArgumentException e) {
        throw loaded.jar().error("the options of %s: %s".formatted(type, e.getMessage()));
      }
    }
  }

  /** The JSON Schema of run specs. */
  static String schema() {
    final var catalogs = new LinkedHashMap<>(all());
    catalogs.put("tasks.data", DataSources.CATALOG); // the same as data, and so not listed twice
    return JsonSchema.of(RunSpec.class, catalogs);
  }
}
