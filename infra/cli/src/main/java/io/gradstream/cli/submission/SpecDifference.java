package io.gradstream.cli.submission;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

/**
 * What differs between two run specs in canonical YAML, key by key.
 *
 * <p>The number of workers is no difference: results do not depend on it, so it may change from one
 * start to the next.
 */
final class SpecDifference {
  private static final String FREE = "compute.workers";

  private SpecDifference() {}

  /** Sentences such as {@code rounds: 300 there, 400 here}; empty if the specs mean the same. */
  static List<String> between(String there, String here) {
    final Map<String, String> before = leaves(there);
    final Map<String, String> after = leaves(here);
    final var keys = new LinkedHashSet<>(before.keySet());
    keys.addAll(after.keySet());
    keys.remove(FREE);
    final var differences = new ArrayList<String>();
    for (final String key : keys) {
      final String old = before.getOrDefault(key, "nothing");
      final String now = after.getOrDefault(key, "nothing");
      if (!old.equals(now)) {
        differences.add(key + ": " + old + " there, " + now + " here");
      }
    }
    return differences;
  }

  private static Map<String, String> leaves(String yaml) {
    final var leaves = new LinkedHashMap<String, String>();
    collect("", new Load(LoadSettings.builder().build()).loadFromString(yaml), leaves);
    return leaves;
  }

  private static void collect(String path, Object node, Map<String, String> leaves) {
    switch (node) {
      case Map<?, ?> map -> map.forEach((key, value) -> collect(join(path, key), value, leaves));
      case List<?> list -> {
        for (int i = 0; i < list.size(); i++) {
          collect(join(path, i), list.get(i), leaves);
        }
      }
      case null -> leaves.put(path, "null");
      default -> leaves.put(path, node.toString());
    }
  }

  private static String join(String path, Object key) {
    return path.isEmpty() ? key.toString() : path + "." + key;
  }
}
