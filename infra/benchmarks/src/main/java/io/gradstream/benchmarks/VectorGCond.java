package io.gradstream.benchmarks;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.gradstream.arbitrator.resolver.MethodState;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;

/**
 * GCond as its public code does it (AlevLab-dev/GCond at 1b0518a, smooth mode, default options):
 * every cosine, norm and projection on the whole vectors, with PyTorch's operations. Only that the
 * stability is measured against the raw previous gradients, as in the arbitrator's default.
 *
 * <p>For each projection all pairs are looked at again, three reductions a pair, and a product is a
 * vector before it is summed.
 */
final class VectorGCond implements AutoCloseable {
  private static final double CRITICAL = -0.8;
  private static final double MAIN = -0.5;
  private static final double WEAK = 0;
  private static final double POWER = 2;
  private static final double STABILITY = 0.8;
  private static final double STRENGTH = 0.2;
  private static final double EMA = 0.95;
  private static final double BETA = 0.9;
  private static final double EPS = 1e-8;
  private static final int WINDOW = 3;

  /** One projection: a pair of tasks and who won. */
  record Decision(int first, int second, int winner) {}

  private record Conflict(
      int first,
      int second,
      double dot,
      double cosine,
      double firstSquared,
      double secondSquared) {}

  private final NDManager torch;
  private final int iterations;
  private final Deque<Integer> history = new ArrayDeque<>();
  private final List<Decision> decisions = new ArrayList<>();
  private NDManager round;
  private NDArray[] gradients = {};
  private NDArray[] previous = {};
  private NDArray momentum;
  private double[] averages = {};

  VectorGCond(NDManager torch, int iterations) {
    this.torch = torch;
    this.iterations = iterations;
    this.round = torch.newSubManager();
    this.momentum = round.create(0f);
  }

  /**
   * Copies a round's vectors: {@link #run} changes them.
   *
   * @param before GCond's state after the round before
   */
  void load(
      MemorySegment[] gradients,
      MemorySegment[] previous,
      MemorySegment momentum,
      MethodState before) {
    round.close();
    round = torch.newSubManager();
    this.gradients = Arrays.stream(gradients).map(this::copy).toArray(NDArray[]::new);
    this.previous = Arrays.stream(previous).map(this::copy).toArray(NDArray[]::new);
    this.momentum = copy(momentum);
    this.averages = before.get("norm-emas");
    history.clear();
    for (final double winner : before.get("history")) {
      history.addLast((int) winner);
    }
    decisions.clear();
  }

  private NDArray copy(MemorySegment vector) {
    final var values = vector.asByteBuffer().order(ByteOrder.nativeOrder());
    final var shape = new Shape(vector.byteSize() / Float.BYTES);
    try (NDArray view = round.create(values, shape, DataType.FLOAT32)) {
      return view.duplicate();
    }
  }

  /** Arbitrates, adds up, and moves the momentum. */
  void run() {
    for (int i = 0; i < gradients.length; i++) {
      final double norm = Math.sqrt(squared(gradients[i]));
      averages[i] = Math.max(EMA * averages[i] + (1 - EMA) * norm, EPS);
    }
    for (int iteration = 0; iteration < iterations; iteration++) {
      final Conflict worst = worst();
      if (worst.cosine() >= WEAK) {
        break;
      }
      project(worst);
    }
    try (NDArray sum = gradients[0].duplicate()) {
      for (int i = 1; i < gradients.length; i++) {
        sum.addi(gradients[i]);
      }
      try (NDArray share = sum.mul(1 - BETA)) {
        momentum.muli(BETA).addi(share);
      }
      try (NDArray update = momentum.div(1 - BETA * BETA)) {
        Blackhole.take(update.getFloat(0));
      }
    }
  }

  /** The pairs, in order, and who won, since {@link #load}. */
  List<Decision> decisions() {
    return List.copyOf(decisions);
  }

  private Conflict worst() {
    var worst = new Conflict(0, 0, 0, WEAK, 0, 0);
    for (int i = 0; i < gradients.length; i++) {
      for (int j = i + 1; j < gradients.length; j++) {
        final double first = squared(gradients[i]);
        final double second = squared(gradients[j]);
        if (first < EPS || second < EPS) {
          continue;
        }
        final double dot = dot(gradients[i], gradients[j]);
        final double cosine = dot / (Math.sqrt(first * second) + EPS);
        if (cosine < worst.cosine()) {
          worst = new Conflict(i, j, dot, cosine, first, second);
        }
      }
    }
    return worst;
  }

  private void project(Conflict conflict) {
    final boolean firstWins = firstWins(conflict.first(), conflict.second());
    final int winner = firstWins ? conflict.first() : conflict.second();
    final int loser = firstWins ? conflict.second() : conflict.first();
    decisions.add(new Decision(conflict.first(), conflict.second(), winner));
    if (history.size() == WINDOW) {
      history.removeFirst();
    }
    history.addLast(winner);

    final double winnerSquared = firstWins ? conflict.firstSquared() : conflict.secondSquared();
    final double loserSquared = firstWins ? conflict.secondSquared() : conflict.firstSquared();
    final double angle = angle(conflict.cosine());
    final double winnerGives = Math.sin(angle) * conflict.dot() / (loserSquared + EPS);
    final double loserGives =
        Math.sin(Math.min(angle, Math.PI / 2)) * conflict.dot() / (winnerSquared + EPS);
    try (NDArray fromWinner = gradients[loser].mul(-winnerGives);
        NDArray fromLoser = gradients[winner].mul(-loserGives)) {
      gradients[winner].addi(fromWinner);
      gradients[loser].addi(fromLoser);
    }
  }

  private boolean firstWins(int first, int second) {
    if (wonThroughout(first)) {
      return false;
    }
    if (wonThroughout(second)) {
      return true;
    }
    final double firstNorm = Math.sqrt(squared(gradients[first]));
    final double secondNorm = Math.sqrt(squared(gradients[second]));
    final double firstStrength = firstNorm / (averages[first] + EPS);
    final double secondStrength = secondNorm / (averages[second] + EPS);
    final double both = firstStrength + secondStrength + EPS;
    final double firstScore =
        STABILITY * stability(first, firstNorm) + STRENGTH * firstStrength / both;
    final double secondScore =
        STABILITY * stability(second, secondNorm) + STRENGTH * secondStrength / both;
    return firstScore >= secondScore;
  }

  private boolean wonThroughout(int task) {
    return history.size() == WINDOW && history.stream().allMatch(winner -> winner == task);
  }

  private double stability(int task, double norm) {
    final double before = Math.sqrt(squared(previous[task]));
    return Math.max(0, dot(gradients[task], previous[task]) / (norm * before + EPS));
  }

  private static double angle(double cosine) {
    if (cosine >= MAIN) {
      return Math.PI / 2 * (1 - Math.clamp((cosine - MAIN) / (WEAK - MAIN + EPS), 0, 1));
    }
    if (cosine > CRITICAL) {
      final double depth = (cosine - MAIN) / (CRITICAL - MAIN + EPS);
      return Math.PI / 2 + Math.PI / 2 * Math.pow(depth, POWER);
    }
    return Math.PI;
  }

  private static double dot(NDArray x, NDArray y) {
    try (NDArray product = x.mul(y);
        NDArray sum = product.sum()) {
      return sum.getFloat();
    }
  }

  private static double squared(NDArray x) {
    try (NDArray square = x.square();
        NDArray sum = square.sum()) {
      return sum.getFloat();
    }
  }

  @Override
  public void close() {
    round.close();
  }
}
