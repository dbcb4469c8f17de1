package io.gradstream.arbitrator.round;

import io.gradstream.arbitrator.resolver.MethodState;
import io.gradstream.proto.message.Verdict;
import java.util.Arrays;
import java.util.HashMap;

/** The states of resolver and selection in a verdict, told apart by a prefix of their names. */
final class VerdictStates {
  private static final String RESOLVER = "resolver.";
  private static final String SELECTION = "selection.";

  private VerdictStates() {}

  static MethodState resolver(Verdict verdict) {
    return get(verdict, RESOLVER);
  }

  static MethodState selection(Verdict verdict) {
    return get(verdict, SELECTION);
  }

  static void putResolver(Verdict.Builder verdict, MethodState state) {
    put(verdict, RESOLVER, state);
  }

  static void putSelection(Verdict.Builder verdict, MethodState state) {
    put(verdict, SELECTION, state);
  }

  private static MethodState get(Verdict verdict, String prefix) {
    final var values = new HashMap<String, double[]>();
    verdict
        .getStateMap()
        .forEach(
            (name, vector) -> {
              if (name.startsWith(prefix)) {
                values.put(
                    name.substring(prefix.length()),
                    vector.getValuesList().stream().mapToDouble(Double::doubleValue).toArray());
              }
            });
    return new MethodState(values);
  }

  private static void put(Verdict.Builder verdict, String prefix, MethodState state) {
    state.values().forEach((name, values) -> verdict.putState(prefix + name, toRecord(values)));
  }

  static Verdict.Vector toRecord(double[] values) {
    final var vector = Verdict.Vector.newBuilder();
    Arrays.stream(values).forEach(vector::addValues);
    return vector.build();
  }
}
