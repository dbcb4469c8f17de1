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
 * (the paper's ablation "GCond as PCGrad") both alike at any angle. Mild and weak conflicts change
 * both tasks alike, so there nobody wins. The update is the sum of what is left.
 *
 * <p>Every step is linear in the gradients, so only N x N matrices are touched ({@link
 * ProjectedGradients}). Where the public code differs from the paper there is an option ({@link
 * GCondOptions}). Its eps leaves a tiny negative cosine behind each projection, which it then
 * arbitrates until the iterations are used up, with winners that decide nothing and fill the
 * dominance window. Here a cosine within {@code tolerance} of the threshold is no conflict.
 *
 * <p>State: {@code previous-coefficients} (N x N, row by row), {@code previous-norms} (N), {@code
 * norm-emas} (N), {@code rounds} that they average, {@code history}: what {@link Dominance}
 * remembers.
 */
final class GCond implements Resolver {

  private static final String COEFFICIENTS = "previous-coefficients";
  private static final String NORMS = "previous-norms";
  private static final String EMAS = "norm-emas";
  private static final String ROUNDS = "rounds";
  private static final String HISTORY = "history";

  /**
   * A gradient of which projections have left a smaller share than this (squared) is made of
   * rounding: its cosines mean nothing.
   */
  private static final double VANISHED = 1e-12;

  private final GCondOptions options;

  GCond(GCondOptions options) {
    this.options = options;
  }

  @Override
  public MethodState initialState(int tasks) {
    final MethodState state =
        MethodState.EMPTY
            .with(COEFFICIENTS, Matrices.flatten(Matrices.identity(tasks)))
            .with(NORMS, new double[tasks])
            .with(EMAS, DoubleVectors.filled(tasks, corrected() ? 0 : 1))
            .with(HISTORY, byPair() ? new double[tasks * tasks] : new double[0]);
    return corrected() ? state.with(ROUNDS, 0) : state;
  }

  @Override
  public Resolution resolve(RoundStatistics round, MethodState state) {
    if (round.tasks() == 1) {
      return Resolution.of(new double[] {1}, state);
    }
    double[] emas = movedAverages(round, state.get(EMAS));
    double rounds = corrected() ? state.number(ROUNDS) + 1 : 0;
    double[][] previous = productsWithPrevious(round, state);
    var gradients = new ProjectedGradients(round.gram(), previous);
    var accumulated = new ProjectedGradients(round.gram(), previous);
    capNorms(gradients);
    Dominance dominance =
        byPair()
            ? new Dominance.ByPair(options.dominanceWindow(), round.tasks(), state.get(HISTORY))
            : new Dominance.Overall(options.dominanceWindow(), state.get(HISTORY));
    var tieBreak =
        new TieBreak(
            options,
            options.scores() == GCondOptions.Scores.ACCUMULATED ? accumulated : gradients,
            state.get(NORMS),
            averages(emas, rounds),
            dominance);
    var arbitrations = new ArrayList<Arbitration>();
    double smallestCosine = project(gradients, round, tieBreak, arbitrations);

    double[][] coefficients = gradients.coefficients();
    boolean raw = options.stability() == GCondOptions.StabilityReference.RAW;
    MethodState next =
        MethodState.EMPTY
            .with(
                COEFFICIENTS,
                Matrices.flatten(raw ? Matrices.identity(round.tasks()) : coefficients))
            .with(NORMS, raw ? round.norms() : gradients.norms())
            .with(EMAS, emas)
            .with(HISTORY, dominance.numbers());
    if (corrected()) {
      next = next.with(ROUNDS, rounds);
    }
    var details =
        Map.of(
            EMAS,
            averages(emas, rounds),
            "iterations",
            new double[] {arbitrations.size()},
            "smallest-cosine",
            new double[] {smallestCosine},
            "coefficients",
            Matrices.flatten(coefficients),
            byPair() ? "wins-in-a-row" : HISTORY,
            dominance.numbers());
    return new Resolution(gradients.weightsOfSum(), arbitrations, details, null, next);
  }

  private boolean byPair() {
    return options.dominance() == GCondOptions.DominanceCount.PAIR;
  }

  private double[] movedAverages(RoundStatistics round, double[] emas) {
    double beta = options.normEmaBeta();
    for (int i = 0; i < emas.length; i++) {
      emas[i] = Math.max(beta * emas[i] + (1 - beta) * round.norm(i), options.eps());
    }
    return emas;
  }

  private boolean corrected() {
    return options.normAverage() == GCondOptions.NormAverage.CORRECTED;
  }

  private double[] averages(double[] emas, double rounds) {
    return !corrected()
        ? emas
        : DoubleVectors.scaled(emas, 1 / (1 - StrictMath.pow(options.normEmaBeta(), rounds)));
  }

  /**
   * Entry (i, j) is the inner product of this round's raw gradient i with the previous round's
   * projected gradient j.
   */
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
      ProjectedGradients gradients,
      RoundStatistics round,
      TieBreak tieBreak,
      List<Arbitration> arbitrations) {
    int most = options.maxIterations() > 0 ? options.maxIterations() : 2 * gradients.tasks();
    double smallest = 1;
    for (int iteration = 0; iteration < most; iteration++) {
      Conflict conflict = worstConflict(gradients, round);
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

  private @Nullable Conflict worstConflict(ProjectedGradients gradients, RoundStatistics round) {
    Conflict worst = null;
    double smallest = options.weak() - options.tolerance();
    for (int i = 0; i < gradients.tasks(); i++) {
      for (int j = i + 1; j < gradients.tasks(); j++) {
        if (vanished(i, gradients, round) || vanished(j, gradients, round)) {
          continue;
        }
        double norms = Math.sqrt(gradients.squaredNorm(i) * gradients.squaredNorm(j));
        double cosine = gradients.product(i, j) / (norms + options.eps());
        if (cosine < smallest) {
          smallest = cosine;
          worst = new Conflict(i, j, cosine);
        }
      }
    }
    return worst;
  }

  private boolean vanished(int task, ProjectedGradients gradients, RoundStatistics round) {
    return options.eps() > 0
        ? gradients.squaredNorm(task) < options.eps()
        : gradients.squaredNorm(task) <= VANISHED * round.gram()[task][task];
  }

  private Arbitration smooth(ProjectedGradients gradients, TieBreak tieBreak, Conflict conflict) {
    double cosine = Math.clamp(conflict.cosine(), -1, 1);
    Zone zone = smoothZone(cosine);
    int i = conflict.first();
    int j = conflict.second();
    // The public code names a winner of a mild conflict too, though it makes no difference.
    Arbitration arbitration =
        zone == Zone.MILD && byPair()
            ? new Arbitration(i, j, conflict.cosine(), zone, Arbitration.NOBODY, 0, 0, false)
            : tieBreak.decide(i, j, conflict.cosine(), zone);
    double angle = smoothAngle(cosine);
    int winner = arbitration.winner() == j ? j : i;
    int loser = winner == i ? j : i;
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
    if (zone == Zone.CRITICAL && options.criticalLoser() == GCondOptions.CriticalLoser.DROPPED) {
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
