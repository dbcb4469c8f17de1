package io.gradstream.arbitrator.resolver;

import static io.gradstream.arbitrator.resolver.Fallback.Code.GRADIENTS;

import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.proto.spec.Param;
import java.util.Arrays;

/**
 * Excess-MTL: weights that grow with a task's excess risk, so that a task with noisy labels, whose
 * loss stays high for good, does not take the others over (He et al. 2024, "Robust Multi-Task
 * Learning with Excess Risks", ICML, arXiv:2402.02009, algorithm 1; checked against LibMTL's
 * ExcessMTL and TorchJD's).
 *
 * <p>The excess risk E is estimated from the gradients of all rounds ({@link SquareSums}). In the
 * first {@code warmup-rounds} rounds all weights are equal, and the mean of E there is E0. From
 * then on w = softmax(log w + step E / (E0 + floor)), times N where {@code total} is tasks. Without
 * warm-up, as TorchJD's default has it, the first round steps by E itself, which with many
 * parameters puts all weight on one task for good. State: {@code log-weights} (N), {@code initial}
 * (N, the sum of E in the warm-up), {@code rounds}.
 */
final class ExcessMtl implements Resolver {
  private static final String LOG_WEIGHTS = "log-weights";
  private static final String INITIAL = "initial";
  private static final String ROUNDS = "rounds";

  /** What the weights add up to. */
  enum Total {
    TASKS,
    ONE
  }

  /** Options of {@code excess-mtl}. */
  record Options(
      @Param(value = "step size of the logarithms of the weights", defaultValue = "0.01", min = 0)
          double step,
      @Param(
              value =
                  "rounds of equal weights, whose mean excess risk the later ones are divided by;"
                      + " 0: the first round steps by its own, undivided",
              defaultValue = "1",
              min = 0)
          int warmupRounds,
      @Param(value = "added to what is divided by", defaultValue = "1e-7", min = 0) double floor,
      @Param(
              value = "what the weights add up to: tasks, their number (LibMTL), or one (TorchJD)",
              defaultValue = "tasks")
          Total total) {}

  private final Options options;

  ExcessMtl(Options options) {
    this.options = options;
  }

  @Override
  public boolean readsExcess() {
    return true;
  }

  @Override
  public MethodState initialState(int tasks) {
    return MethodState.EMPTY
        .with(LOG_WEIGHTS, new double[tasks])
        .with(INITIAL, new double[tasks])
        .with(ROUNDS, 0);
  }

  @Override
  public Resolution resolve(RoundStatistics round, MethodState state) {
    double[] excess = round.excess();
    double[] initial = state.get(INITIAL);
    double[] logs = state.get(LOG_WEIGHTS);
    double rounds = state.number(ROUNDS);
    boolean warmsUp = rounds < Math.max(1, options.warmupRounds());
    boolean zero = false;
    if (warmsUp) {
      for (int i = 0; i < initial.length; i++) {
        initial[i] += excess[i];
        logs[i] += options.warmupRounds() == 0 ? options.step() * excess[i] : 0;
      }
    } else {
      for (int i = 0; i < initial.length; i++) {
        double start = initial[i] / Math.max(1, options.warmupRounds()) + options.floor();
        zero |= start == 0;
        logs[i] += options.step() * (start == 0 ? 1 : excess[i] / start);
      }
    }
    double[] shares = DoubleVectors.softmax(logs);
    double highest = Arrays.stream(logs).max().orElse(0);
    for (int i = 0; i < logs.length; i++) {
      logs[i] -= highest;
    }
    double total = options.total() == Total.TASKS ? round.tasks() : 1;
    MethodState next =
        state.with(LOG_WEIGHTS, logs).with(INITIAL, initial).with(ROUNDS, rounds + 1);
    Resolution resolution =
        zero
            ? Resolution.fallback(
                DoubleVectors.scaled(shares, total),
                GRADIENTS,
                "a task had no gradient in the first rounds: its excess risk counts as unchanged",
                next)
            : Resolution.of(DoubleVectors.scaled(shares, total), next);
    return resolution.with("excess", excess);
  }
}
