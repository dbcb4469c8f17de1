package io.gradstream.arbitrator.resolver;

import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.proto.spec.SpecError;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Checks of options beyond the range of a single number. */
final class OptionChecks {
  private OptionChecks() {}

  /** Refuses a list of another size. */
  static void size(String name, List<Double> list, int size, String meaning) {
    if (list.size() != size) {
      throw new SpecError(
          name, "must be the %d numbers %s, found %s".formatted(size, meaning, list));
    }
  }

  /**
   * One number per task: the given ones, or {@code absent} for all.
   *
   * @throws SpecError if there are not as many as tasks
   */
  static double[] perTask(String name, @Nullable List<Double> given, int tasks, double absent) {
    if (given == null) {
      return DoubleVectors.filled(tasks, absent);
    }
    if (given.size() != tasks) {
      throw new SpecError(
          name, "has %d numbers for %d tasks; give one a task".formatted(given.size(), tasks));
    }
    return given.stream().mapToDouble(Double::doubleValue).toArray();
  }

  /**
   * A direction in the space of losses: one number per task, 1/N each if none are given.
   *
   * @throws SpecError if there are not as many as tasks, or all are 0
   */
  static double[] preference(@Nullable List<Double> given, int tasks) {
    double[] preference = perTask("preference", given, tasks, 1.0 / tasks);
    if (!(DoubleVectors.sum(preference) > 0)) {
      throw new SpecError("preference", "must not be 0 for all tasks");
    }
    return preference;
  }
}
