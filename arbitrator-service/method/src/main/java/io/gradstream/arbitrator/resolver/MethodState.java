package io.gradstream.arbitrator.resolver;

import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/**
 * Named numbers that a method keeps between rounds: serialisable as they are, compared by content
 * where it matters, never changed in place.
 *
 * @param values from name to numbers, in the order of the names
 */
public record MethodState(Map<String, double[]> values) {

  /** The state of a method that remembers nothing. */
  public static final MethodState EMPTY = new MethodState(Map.of());

  public MethodState {
    var copy = new TreeMap<String, double[]>();
    values.forEach((name, numbers) -> copy.put(name, numbers.clone()));
    values = Collections.unmodifiableMap(copy);
  }

  /** This state with one entry replaced. */
  public MethodState with(String name, double... numbers) {
    var changed = new TreeMap<>(values);
    changed.put(name, numbers);
    return new MethodState(changed);
  }

  /** This state and another one's entries, whose names get a prefix. */
  MethodState with(String prefix, MethodState inner) {
    var more = new TreeMap<>(values);
    inner.values().forEach((name, numbers) -> more.put(prefix + name, numbers));
    return new MethodState(more);
  }

  /** The entries whose names begin with a prefix, without it. */
  MethodState under(String prefix) {
    var inner = new TreeMap<String, double[]>();
    values.forEach(
        (name, numbers) -> {
          if (name.startsWith(prefix)) {
            inner.put(name.substring(prefix.length()), numbers);
          }
        });
    return new MethodState(inner);
  }

  /** Whether the state has an entry of that name. */
  public boolean has(String name) {
    return values.containsKey(name);
  }

  /**
   * A copy of the numbers of that name.
   *
   * @throws IllegalStateException if there are none: the state was written by another method
   */
  public double[] get(String name) {
    double[] numbers = values.get(name);
    if (numbers == null) {
      throw new IllegalStateException(
          "the method's state has no '" + name + "', only " + values.keySet());
    }
    return numbers.clone();
  }

  /** The only number of that name. */
  public double number(String name) {
    return get(name)[0];
  }
}
