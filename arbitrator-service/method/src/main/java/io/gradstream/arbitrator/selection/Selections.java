package io.gradstream.arbitrator.selection;

import io.gradstream.proto.spec.Catalog;
import io.gradstream.proto.spec.NoOptions;
import io.gradstream.proto.spec.Section;
import java.util.Optional;

/** All ways to select joint rounds, by the names that the run spec uses. */
public final class Selections {
  /** From a section's kind and options to a gate, or none. */
  public static final Catalog<Optional<SelectiveOptimization>> CATALOG =
      Catalog.<Optional<SelectiveOptimization>>of("selection")
          .with(
              "none",
              NoOptions.class,
              "every round asks for one gradient per task",
              options -> Optional.empty())
          .with(
              "smo",
              SelectiveOptimization.Options.class,
              "one summed-loss gradient while the tasks are balanced (VarGrad's selective rounds)",
              options -> Optional.of(new SelectiveOptimization(options)));

  private Selections() {}

  /**
   * The gate of a run, if its rounds are selected.
   *
   * @throws io.gradstream.proto.UserError if the method is unknown or an option is wrong
   */
  public static Optional<SelectiveOptimization> create(Section section) {
    return CATALOG.create(section);
  }
}
