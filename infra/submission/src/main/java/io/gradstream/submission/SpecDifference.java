package io.gradstream.submission;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

/**
 * What differs between two run specs in canonical YAML, key by key.
 *
 * <p>The number of workers is no difference: results do not depend on it, so it may change from one
 * start to the next.
 */
final class SpecDifference {
  private static final String MAY_DIFFER = "compute.workers";

  private SpecDifference() {}

  /** Sentences such as {@code rounds: 300 there, 400 here}; empty if the specs mean the same. */
  static List<String> between(String there, String here) {
    final var differences = new ArrayList<String>();
    compare("", read(there), read(here), differences);
    return differences;
  }

  private static @Nullable Object read(String yaml) {
    return new Load(LoadSettings.builder().build()).loadFromString(yaml);
  }

  private static void compare(
      String path, @Nullable Object there, @Nullable Object here, List<String> differences) {
    if (there instanceof Map<?, ?> before && here instanceof Map<?, ?> after) {
      final var keys = new LinkedHashSet<Object>(before.keySet());
      keys.addAll(after.keySet());
      for (final Object key : keys) {
        compare(join(path, key), before.get(key), after.get(key), differences);
      }
    } else if (there instanceof List<?> before
        && here instanceof List<?> after
        && before.size() == after.size()) {
      for (int i = 0; i < before.size(); i++) {
        compare(join(path, i), before.get(i), after.get(i), differences);
      }
    } else if (!Objects.equals(there, here) && !path.equals(MAY_DIFFER)) {
      differences.add(path + ": " + text(there) + " there, " + text(here) + " here");
    }
  }

  private static String text(@Nullable Object value) {
    return value == null ? "nothing" : value.toString();
  }

  private static String join(String path, Object key) {
    return path.isEmpty() ? key.toString() : path + "." + key;
  }
}
