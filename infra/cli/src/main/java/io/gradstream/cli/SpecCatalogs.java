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

  /** The JSON Schema of run specs. */
  static String schema() {
    final var catalogs = new LinkedHashMap<>(all());
    catalogs.put("tasks.data", DataSources.CATALOG); // the same as data, and so not listed twice
    return JsonSchema.of(RunSpec.class, catalogs);
  }
}
