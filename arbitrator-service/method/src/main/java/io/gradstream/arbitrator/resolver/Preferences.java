package io.gradstream.arbitrator.resolver;

import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.proto.spec.SpecError;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A direction in the space of losses, given by one number a task. */
final class Preferences {
  private Preferences() {}

  /**
   * N numbers, 1/N where none are given.
   *
   * @throws SpecError if there are not as many as tasks, or all are 0
   */
  static double[] of(@Nullable List<Double> given, int tasks) {
    double[] preference = OptionChecks.perTask("preference", given, tasks, 1.0 / tasks);
    if (!(DoubleVectors.sum(preference) > 0)) {
      throw new SpecError("preference", "must not be 0 for all tasks");
    }
    return preference;
  }
}
