package io.gradstream.arbitrator.resolver;

import java.util.ArrayList;
import java.util.List;

/**
 * Remembers who won GCond's conflicts, so that no task wins for ever. Mutable, confined to one call
 * of {@link GCond}; its numbers are kept in the method's state.
 */
sealed interface Dominance {

  /** Whether a task has won so often that the other of the pair wins now. */
  boolean wonTooOften(int task, int other);

  /** Takes note of a winner. */
  void won(int winner, int loser);

  /** What must be remembered for the next round. */
  double[] numbers();

  /**
   * The wins in a row of each pair, N x N row by row: how often the row's task has won over the
   * column's since it last lost to it.
   */
  final class ByPair implements Dominance {
    private final int window;
    private final int tasks;
    private final double[] streaks;

    ByPair(int window, int tasks, double[] streaks) {
      this.window = window;
      this.tasks = tasks;
      this.streaks = streaks;
    }

    @Override
    public boolean wonTooOften(int task, int other) {
      return window > 0 && streaks[task * tasks + other] >= window;
    }

    @Override
    public void won(int winner, int loser) {
      streaks[winner * tasks + loser]++;
      streaks[loser * tasks + winner] = 0;
    }

    @Override
    public double[] numbers() {
      return streaks.clone();
    }
  }

  /** The last winners, oldest first, whomever they won against: as in the public code. */
  final class Overall implements Dominance {
    private final int window;
    private final List<Integer> winners = new ArrayList<>();

    Overall(int window, double[] winners) {
      this.window = window;
      for (double winner : winners) {
        this.winners.add((int) winner);
      }
    }

    @Override
    public boolean wonTooOften(int task, int other) {
      return window > 0
          && winners.size() == window
          && winners.stream().allMatch(winner -> winner == task);
    }

    @Override
    public void won(int winner, int loser) {
      if (window == 0) {
        return;
      }
      if (winners.size() == window) {
        winners.removeFirst();
      }
      winners.add(winner);
    }

    @Override
    public double[] numbers() {
      return winners.stream().mapToDouble(Integer::doubleValue).toArray();
    }
  }
}
