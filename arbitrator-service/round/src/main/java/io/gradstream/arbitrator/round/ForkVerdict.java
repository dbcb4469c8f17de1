package io.gradstream.arbitrator.round;

import io.gradstream.arbitrator.resolver.GroupedResolver;
import io.gradstream.arbitrator.resolver.MethodState;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.spec.RunSpec;

/** Turns the verdict of a run into the one that its fork goes on from. */
public final class ForkVerdict {
  private ForkVerdict() {}

  /**
   * The verdict that a run goes on from: statistics and skipped rounds in a row begin anew, and so
   * does the state of a method that the other run did not decide by, or whose options give it
   * another shape. Which arithmetic the run takes is what its own spec says; {@code same} goes on
   * with what the other run had decided, and decides in its first round where that took any.
   *
   * @param last the other run's verdict
   * @param from the other run's spec
   * @param to the spec of the run that goes on
   */
  public static Verdict verdict(Verdict last, RunSpec from, RunSpec to) {
    final MethodState kept = VerdictStates.resolver(last);
    final MethodState fresh = GroupedResolver.of(to).initialState(to.tasks().size());
    final var verdict =
        last.toBuilder()
            .setStatisticsOffset(0)
            .clearSkippedInARow()
            .setFingerprint(AdmissionPolicy.arithmeticAfter(to.compute().arithmeticPolicy(), last));
    if (!from.resolver().kind().equals(to.resolver().kind()) || !sameShape(fresh, kept)) {
      final MethodState selection = VerdictStates.selection(last);
      verdict.clearState();
      VerdictStates.putSelection(verdict, selection);
      VerdictStates.putResolver(verdict, fresh);
    }
    return verdict.build();
  }

  private static boolean sameShape(MethodState fresh, MethodState kept) {
    return fresh.values().entrySet().stream()
        .allMatch(
            entry ->
                kept.has(entry.getKey())
                    && kept.get(entry.getKey()).length == entry.getValue().length);
  }
}
