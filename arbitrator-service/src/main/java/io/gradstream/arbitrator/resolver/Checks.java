package io.gradstream.arbitrator.resolver;

import io.gradstream.proto.spec.SpecError;
import java.util.List;

/** What options' compact constructors check beyond the range of a single number. */
final class Checks {
  private Checks() {}

  /** Refuses a list of another size. */
  static void size(String name, List<Double> list, int size, String meaning) {
    if (list.size() != size) {
      throw new SpecError(
          name, "must be the %d numbers %s, found %s".formatted(size, meaning, list));
    }
  }
}
