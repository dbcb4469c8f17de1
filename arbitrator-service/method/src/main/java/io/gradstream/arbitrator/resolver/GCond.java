package io.gradstream.arbitrator.resolver;

import io.gradstream.arbitrator.linalg.DoubleVectors;
import io.gradstream.arbitrator.linalg.Matrices;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * GCond: accumulate, then resolve conflicts pair by pair, the stronger and steadier task first
 * ("Gradient Conductor", arXiv 2509.07252, section 3; checked against AlevLab-dev/GCond at
 * 1b0518a).
 *
 * <p>Up to {@code max-iterations} times the pair with the smallest cosine below the weak threshold
 * is taken. A {@link TieBreak} says who wins, by stability against the previous round and by
 * strength against the task's own norm average, and the loser gives way: in {@code smooth} mode by
 * an angle that grows with the conflict, in {@code zones} mode in three steps, in {@code hard} mode
 * (the paper's ablation "GCond as PCGrad") both alike at any angle. The update is the sum of what
 * is left.
 *
 * <p>Every step is linear in the gradients, so only N x N matrices are touched ({@link
 * ProjectedGradients}). The recursion is the public code's; where the paper differs there is an
 * option. Pairs with a squared norm below eps are left alone, as there: the method is not invariant
 * to the gradients' scale.
 *
 * <p>State: {@code previous-coefficients} (N x N, row by row), {@code previous-norms} (N), {@code
 * norm-emas} (N), {@code history} (the last winners, oldest first).
 */
final class GCond implements Resolver {

  private static final String COEFFICIENTS = "previous-coefficients";
  private static final String NORMS = "previous-norms";
  private static final String EMAS = "norm-emas";
  private static final String HISTORY = "history";

  private final GCondOptions options;

  GCond(GCondOptions options) {
    this.options = options;
  }

  @Override
  public MethodState initialState(int tasks) {
    return MethodState.EMPTY
        .with(COEFFICIENTS, Matrices.flatten(Matrices.identity(tasks)))
        .with(NORMS, new double[tasks])
        .with(EMAS, DoubleVectors.filled(tasks, 1))
        .with(HISTORY);
  }

  @Override
  public Resolution resolve(RoundStatistics round, MethodState state) {
    if (round.tasks() == 1) {
      return Resolution.of(new double[] {1}, state);
    }
    double[] emas = movedAverages(round, state.get(EMAS));
    double[][] previous = productsWithPrevious(round, state);
    var gradients = new ProjectedGradients(round.gram(), previous);
    capNorms(gradients);
    var tieBreak = new TieBreak(options, gradients, state.get(NORMS), emas, state.get(HISTORY));
    var arbitrations = new ArrayList<Arbitration>();
    double smallestCosine = project(gradients, tieBreak, arbitrations);

    double[][] coefficients = gradients.coefficients();
    boolean raw = options.stability() == GCondOptions.StabilityReference.RAW;
    MethodState next =
        MethodState.EMPTY
            .with(
                COEFFICIENTS,
                Matrices.flatten(raw ? Matrices.identity(round.tasks()) : coefficients))
            .with(NORMS, raw ? round.norms() : gradients.norms())
            .with(EMAS, emas)
            .with(HISTORY, tieBreak.history());
    var details =
        Map.of(
            "norm-emas",
            emas,
            "iterations",
            new double[] {arbitrations.size()},
            "smallest-cosine",
            new double[] {smallestCosine},
            "coefficients",
            Matrices.flatten(coefficients),
            "history",
            tieBreak.history());
    return new Resolution(gradients.weightsOfSum(), arbitrations, details, null, next);
  }

  private double[] movedAverages(RoundStatistics round, double[] emas) {
    double beta = options.normEmaBeta();
    for (int i = 0; i < emas.length; i++) {
      emas[i] = Math.max(beta * emas[i] + (1 - beta) * round.norm(i), options.eps());
    }
    return emas;
  }

  /** Row i: this round's raw gradient i; column j: what the previous round left of gradient j. */
  private static double[][] productsWithPrevious(RoundStatistics round, MethodState state) {
    double[][] before = Matrices.square(state.get(COEFFICIENTS), round.tasks());
    return Matrices.timesTransposed(round.cross(), before);
  }

  private void capNorms(ProjectedGradients gradients) {
    Double cap = options.normCap();
    if (cap == null) {
      return;
    }
    for (int i = 0; i < gradients.tasks(); i++) {
      double norm = gradients.norm(i);
      if (norm > cap) {
        gradients.scale(i, cap / (norm + options.eps()));
      }
    }
  }

  /** Projects until no conflict or no iteration is left; returns the first one's cosine, or 1. */
  private double project(
      ProjectedGradients gradients, TieBreak tieBreak, List<Arbitration> arbitrations) {
    int most = options.maxIterations() > 0 ? options.maxIterations() : 2 * gradients.tasks();
    double smallest = 1;
    for (int iteration = 0; iteration < most; iteration++) {
      Conflict conflict = worstConflict(gradients);
      if (conflict == null) {
        break;
      }
      if (iteration == 0) {
        smallest = conflict.cosine();
      }
      arbitrations.add(
          switch (options.projection()) {
            case SMOOTH -> smooth(gradients, tieBreak, conflict);
            case ZONES -> stepwise(gradients, tieBreak, conflict);
            case HARD -> both(gradients, conflict, Zone.HARD);
          });
    }
    return smallest;
  }

  private record Conflict(int first, int second, double cosine) {}

  private @Nullable Conflict worstConflict(ProjectedGradients gradients) {
    double eps = options.eps();
    Conflict worst = null;
    double smallest = options.weak();
    for (int i = 0; i < gradients.tasks(); i++) {
      for (int j = i + 1; j < gradients.tasks(); j++) {
        double first = gradients.squaredNorm(i);
        double second = gradients.squaredNorm(j);
        if (first < eps || second < eps) {
          continue;
        }
        double cosine = gradients.product(i, j) / (Math.sqrt(first * second) + eps);
        if (cosine < smallest) {
          smallest = cosine;
          worst = new Conflict(i, j, cosine);
        }
      }
    }
    return worst;
  }

  private Arbitration smooth(ProjectedGradients gradients, TieBreak tieBreak, Conflict conflict) {
    double cosine = Math.clamp(conflict.cosine(), -1, 1);
    Arbitration arbitration =
        tieBreak.decide(conflict.first(), conflict.second(), conflict.cosine(), smoothZone(cosine));
    double angle = smoothAngle(cosine);
    int winner = arbitration.winner();
    int loser = winner == conflict.first() ? conflict.second() : conflict.first();
    double product = gradients.product(winner, loser);
    double winnerGives =
        StrictMath.sin(angle) * product / (gradients.squaredNorm(loser) + options.eps());
    double loserGives =
        StrictMath.sin(Math.min(angle, Math.PI / 2))
            * product
            / (gradients.squaredNorm(winner) + options.eps());
    gradients.subtract(winner, loser, winnerGives, loserGives);
    return arbitration;
  }

  private Zone smoothZone(double cosine) {
    if (cosine >= options.main()) {
      return Zone.MILD;
    }
    return cosine > options.critical() ? Zone.MODERATE : Zone.CRITICAL;
  }

  /**
   * From 0 at the weak threshold over pi/2 at the main one to pi at the critical one: the loser
   * gives way by the sine up to pi/2, the winner by the sine beyond it, which falls back to
   * nothing.
   */
  private double smoothAngle(double cosine) {
    double halfPi = Math.PI / 2;
    return switch (smoothZone(cosine)) {
      case MILD -> {
        double depth =
            (cosine - options.main()) / (options.weak() - options.main() + options.eps());
        yield halfPi * (1 - Math.clamp(depth, 0, 1));
      }
      case MODERATE -> {
        double depth =
            (cosine - options.main()) / (options.critical() - options.main() + options.eps());
        yield halfPi + halfPi * StrictMath.pow(depth, options.remapPower());
      }
      default -> Math.PI;
    };
  }

  private Arbitration stepwise(ProjectedGradients gradients, TieBreak tieBreak, Conflict conflict) {
    if (conflict.cosine() >= options.main()) {
      return both(gradients, conflict, Zone.WEAK);
    }
    Zone zone = conflict.cosine() < options.critical() ? Zone.CRITICAL : Zone.MAIN;
    Arbitration arbitration =
        tieBreak.decide(conflict.first(), conflict.second(), conflict.cosine(), zone);
    int winner = arbitration.winner();
    int loser = winner == conflict.first() ? conflict.second() : conflict.first();
    if (zone == Zone.CRITICAL) {
      gradients.scale(loser, 0);
    } else {
      double given =
          gradients.product(loser, winner) / (gradients.squaredNorm(winner) + options.eps());
      gradients.subtract(loser, winner, given, 0);
    }
    return arbitration;
  }

  private Arbitration both(ProjectedGradients gradients, Conflict conflict, Zone zone) {
    int i = conflict.first();
    int j = conflict.second();
    double product =
        conflict.cosine() * Math.sqrt(gradients.squaredNorm(i) * gradients.squaredNorm(j));
    double eps = options.eps();
    gradients.subtract(
        i,
        j,
        product / (gradients.squaredNorm(j) + eps),
        product / (gradients.squaredNorm(i) + eps));
    return new Arbitration(i, j, conflict.cosine(), zone, Arbitration.NOBODY, 0, 0, false);
  }
}
