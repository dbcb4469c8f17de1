package io.gradstream.arbitrator.offline;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;

/**
 * GCond's smooth mode on whole vectors: every projection changes a gradient and then measures all
 * gradients again. It is written from the description of the recursion and shares no code with the
 * resolver. So tests can compare the resolver with it, and a benchmark can measure how much time
 * the work on inner products saves.
 *
 * <p>Each projection examines all pairs of tasks again and takes three inner products per pair.
 *
 * @param <V> a vector, changed in place
 */
public final class VectorGCond<V> {
  private static final double STABILITY = 0.8;
  private static final double STRENGTH = 0.2;
  private static final double EMA = 0.95;
  private static final double POWER = 2;
  private static final int NOBODY = -1;

  /** The operations on vectors that the method needs. */
  public interface Vectors<V> {
    V copy(V vector);

    double dot(V x, V y);

    double squared(V x);

    /** x -= factor * y. */
    void subtract(V x, double factor, V y);

    /** Gives back a copy's memory, where that is not the garbage collector's. */
    default void free(V vector) {}
  }

  /**
   * The options of {@code gcond} that differ between tests.
   *
   * @param publicCode true for the public code's choices: eps is added to divisors, scores are
   *     taken from the projected gradients, norm averages begin at 1, and the window of winners
   *     covers all passes; false for this project's defaults
   * @param rawStability whether stability compares with the previous round's gradient as it was
   *     before projection
   * @param window number of last winners that count in the window
   * @param iterations largest number of projections in a round
   */
  public record Options(
      double critical,
      double main,
      double weak,
      boolean publicCode,
      boolean rawStability,
      int window,
      int iterations) {

    double eps() {
      return publicCode ? 1e-8 : 0;
    }
  }

  /** One projection: a pair of tasks, and the task that kept its gradient, or -1 for neither. */
  public record Decision(int first, int second, int winner) {}

  private record Pair(int first, int second, double dot, double cosine, double a, double b) {}

  private final Vectors<V> vectors;
  private final Options options;
  private final Deque<Integer> lastWinners = new ArrayDeque<>();
  private double[][] streaks = new double[0][];
  private double[] averages = new double[0];
  private double[] accumulatedSquared = new double[0];
  private List<V> accumulated = List.of();
  private List<V> gradients = List.of();
  private List<V> before = List.of();
  private int rounds;

  public VectorGCond(Vectors<V> vectors, Options options) {
    this.vectors = vectors;
    this.options = options;
  }

  /**
   * Goes on from the state of the public code's method after a round.
   *
   * @param averages N norm averages
   * @param winners the last winners, oldest first
   * @param before the gradients of the round before
   */
  public void restore(double[] averages, double[] winners, List<V> before) {
    this.averages = averages.clone();
    this.before = before;
    lastWinners.clear();
    for (double winner : winners) {
      lastWinners.addLast((int) winner);
    }
  }

  /**
   * Resolves a round.
   *
   * @param gradients N vectors, which become the projected ones
   */
  public List<Decision> resolve(List<V> gradients) {
    final int n = gradients.size();
    this.gradients = gradients;
    if (averages.length == 0) {
      averages = new double[n];
      Arrays.fill(averages, options.publicCode() ? 1 : 0);
    }
    if (streaks.length == 0) {
      streaks = new double[n][n];
    }
    rounds++;
    accumulatedSquared = gradients.stream().mapToDouble(vectors::squared).toArray();
    boolean copies = options.rawStability() || !options.publicCode();
    accumulated = copies ? gradients.stream().map(vectors::copy).toList() : List.of();
    for (int i = 0; i < n; i++) {
      averages[i] =
          Math.max(EMA * averages[i] + (1 - EMA) * Math.sqrt(accumulatedSquared[i]), options.eps());
    }
    var decisions = new ArrayList<Decision>();
    for (int iteration = 0; iteration < options.iterations(); iteration++) {
      List<Pair> worst = worst();
      if (worst.isEmpty()) {
        break;
      }
      decisions.add(project(worst.getFirst()));
    }
    before = options.rawStability() ? accumulated : gradients;
    return decisions;
  }

  private List<Pair> worst() {
    List<Pair> worst = List.of();
    double smallest = options.weak() - (options.publicCode() ? 0 : 1e-6);
    for (int i = 0; i < gradients.size(); i++) {
      for (int j = i + 1; j < gradients.size(); j++) {
        double a = vectors.squared(gradients.get(i));
        double b = vectors.squared(gradients.get(j));
        if (vanished(i, a) || vanished(j, b)) {
          continue;
        }
        double dot = vectors.dot(gradients.get(i), gradients.get(j));
        double cosine = dot / (Math.sqrt(a * b) + options.eps());
        if (cosine < smallest) {
          smallest = cosine;
          worst = List.of(new Pair(i, j, dot, cosine, a, b));
        }
      }
    }
    return worst;
  }

  private boolean vanished(int task, double squared) {
    return options.publicCode()
        ? squared < options.eps()
        : squared <= 1e-12 * accumulatedSquared[task];
  }

  private Decision project(Pair pair) {
    boolean mild = pair.cosine() >= options.main();
    int winner = mild && !options.publicCode() ? NOBODY : winner(pair.first(), pair.second());
    boolean firstWins = winner != pair.second();
    V won = gradients.get(firstWins ? pair.first() : pair.second());
    V lost = gradients.get(firstWins ? pair.second() : pair.first());
    double wonSquared = firstWins ? pair.a() : pair.b();
    double lostSquared = firstWins ? pair.b() : pair.a();
    double angle = angle(pair.cosine());
    V wonBefore = vectors.copy(won);
    vectors.subtract(won, StrictMath.sin(angle) * pair.dot() / (lostSquared + options.eps()), lost);
    vectors.subtract(
        lost,
        StrictMath.sin(Math.min(angle, Math.PI / 2)) * pair.dot() / (wonSquared + options.eps()),
        wonBefore);
    vectors.free(wonBefore);
    return new Decision(pair.first(), pair.second(), winner);
  }

  private double angle(double cosine) {
    double eps = options.eps();
    if (cosine >= options.main()) {
      double depth = (cosine - options.main()) / (options.weak() - options.main() + eps);
      return Math.PI / 2 * (1 - Math.clamp(depth, 0, 1));
    }
    if (cosine > options.critical()) {
      double depth = (cosine - options.main()) / (options.critical() - options.main() + eps);
      return Math.PI / 2 + Math.PI / 2 * StrictMath.pow(depth, POWER);
    }
    return Math.PI;
  }

  private int winner(int first, int second) {
    int winner = score(second, first) > score(first, second) + 1e-12 ? second : first;
    if (wonTooOften(first, second)) {
      winner = second;
    } else if (wonTooOften(second, first)) {
      winner = first;
    }
    int loser = winner == first ? second : first;
    streaks[winner][loser]++;
    streaks[loser][winner] = 0;
    if (lastWinners.size() == options.window()) {
      lastWinners.removeFirst();
    }
    lastWinners.addLast(winner);
    return winner;
  }

  private boolean wonTooOften(int task, int other) {
    return options.publicCode()
        ? lastWinners.size() == options.window()
            && lastWinners.stream().allMatch(winner -> winner == task)
        : streaks[task][other] >= options.window();
  }

  private double score(int task, int other) {
    double own = relativeNorm(task);
    return STABILITY * Math.max(0, stability(task))
        + STRENGTH * own / (own + relativeNorm(other) + options.eps());
  }

  private double stability(int task) {
    if (before.isEmpty()) {
      return 0;
    }
    V scored = scored(task);
    double last = Math.sqrt(vectors.squared(before.get(task)));
    return vectors.dot(scored, before.get(task))
        / (Math.sqrt(vectors.squared(scored)) * last + options.eps());
  }

  private double relativeNorm(int task) {
    double correction = options.publicCode() ? 1 : 1 - StrictMath.pow(EMA, rounds);
    return Math.sqrt(vectors.squared(scored(task))) / (averages[task] / correction + options.eps());
  }

  private V scored(int task) {
    return options.publicCode() ? gradients.get(task) : accumulated.get(task);
  }
}
