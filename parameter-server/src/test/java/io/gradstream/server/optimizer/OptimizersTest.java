package io.gradstream.server.optimizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.gradstream.proto.UserError;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.spec.Section;
import io.gradstream.server.optimizer.Optimizer.Piece;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Ten rounds of each optimizer against its formula in double precision. */
class OptimizersTest {
  private static final int N = 333;
  private static final int ROUNDS = 10;
  private static final double LR = 0.01;
  private static final boolean PURE = false;
  private static final boolean INTEGRATED = true;

  /** The formula of one round: changes theta, whose state it keeps. */
  private interface Formula {
    void step(double[] theta, double[] u, int t, double learningRate);
  }

  @ParameterizedTest
  @EnumSource(ValueType.class)
  void sgdFollowsItsFormula(ValueType type) {
    var options = Map.of("learning-rate", LR, "weight-decay", 0.1);
    assertFollows(
        create(Section.of("sgd", options), PURE),
        type,
        (theta, u, t, lr) -> {
          for (int i = 0; i < N; i++) {
            theta[i] -= lr * (u[i] + 0.1 * theta[i]);
          }
        });
  }

  @ParameterizedTest
  @EnumSource(ValueType.class)
  void sgdWithMomentumFollowsItsFormula(ValueType type) {
    var options = Map.of("learning-rate", LR, "weight-decay", 0.1, "momentum", 0.8);
    var b = new double[N];
    assertFollows(
        create(Section.of("sgd", options), PURE),
        type,
        (theta, u, t, lr) -> {
          for (int i = 0; i < N; i++) {
            b[i] = 0.8 * b[i] + u[i] + 0.1 * theta[i];
            theta[i] -= lr * b[i];
          }
        });
  }

  @ParameterizedTest
  @EnumSource(ValueType.class)
  void adamwFollowsAlgorithm2OfItsPaper(ValueType type) {
    var options = Map.of("learning-rate", LR, "beta1", 0.8, "beta2", 0.99, "weight-decay", 0.05);
    assertFollows(create(Section.of("adamw", options), PURE), type, adamw(0.8, 0.99, 1e-8, 0.05));
  }

  @ParameterizedTest
  @EnumSource(ValueType.class)
  void adamwLeavesTheMeanToIntegratedMomentum(ValueType type) {
    var options = Map.of("learning-rate", LR, "beta1", 0.8);
    var optimizer = create(Section.of("adamw", options), INTEGRATED);
    assertThat(optimizer.stateVectors()).isEqualTo(1);
    assertFollows(optimizer, type, adamw(0, 0.999, 1e-8, 0.01));
  }

  @ParameterizedTest
  @EnumSource(ValueType.class)
  void lionLarsScalesTheSignByTheTrustRatioOfTheTensor(ValueType type) {
    var options = Map.of("learning-rate", LR, "trust-coefficient", 0.5, "trust-clip", 3.0);
    assertFollows(
        create(Section.of("lion-lars", options), INTEGRATED),
        type,
        (theta, u, t, lr) -> {
          double ratio = Math.min(3.0, norm(theta) / norm(u));
          for (int i = 0; i < N; i++) {
            theta[i] -= lr * 0.5 * ratio * Math.signum(u[i]);
          }
        });
  }

  @Test
  void lionLarsTakesRatioOneWhereANormVanishesAndItsClipWhereTheUpdateIsSmall() {
    var options = Map.of("learning-rate", 1.0, "trust-coefficient", 1.0, "trust-clip", 4.0);
    var optimizer = create(Section.of("lion-lars", options), INTEGRATED);
    assertThat(lionStep(optimizer, 0f, 0.5f)).isEqualTo(-1f);
    assertThat(lionStep(optimizer, 1f, 1e-9f)).isEqualTo(0f);
    assertThat(lionStep(optimizer, 1f, 1e-3f)).isEqualTo(-3f);
    assertThat(lionStep(optimizer, 1f, 2f)).isEqualTo(0.5f);
  }

  /** The public code's further factor of 1e-4 made steps of 1e-9, which float32 mostly loses. */
  @Test
  void lionLarsMovesAtThePapersRate() {
    var optimizer = create(Section.of("lion-lars", Map.of("learning-rate", 1e-5)), INTEGRATED);
    assertThat(lionStep(optimizer, 1f, 0.1f)).isEqualTo(1f - 1e-4f);
  }

  @Test
  void lionLarsTakesNormsOverAllPiecesOfATensorAndOverNoOther() {
    var options = Map.of("learning-rate", LR, "trust-coefficient", 1.0, "trust-clip", 1e9);
    var optimizer = create(Section.of("lion-lars", options), INTEGRATED);
    try (var arena = Arena.ofConfined()) {
      var tensor = new Vectors(arena, optimizer, ValueType.FLOAT32, 3);
      double[] before = tensor.values(tensor.theta, ValueType.FLOAT32);
      double[] u = tensor.values(tensor.update, ValueType.FLOAT32);
      Piece other = new Vectors(arena, optimizer, ValueType.FLOAT32, 4).piece(1, 0, N);
      optimizer.step(List.of(tensor.piece(0, 0, 97), tensor.piece(0, 97, N - 97), other), 0, 1);
      double[] after = tensor.values(tensor.theta, ValueType.FLOAT32);
      double step = LR * norm(before) / norm(u);
      for (int i = 0; i < N; i++) {
        assertThat(after[i]).isCloseTo(before[i] - step * Math.signum(u[i]), within(1e-6));
      }
    }
  }

  @Test
  void weightsDoNotDependOnHowTheVectorIsCut() {
    for (var optimizer : elementwise()) {
      try (var arena = Arena.ofConfined()) {
        var whole = new Vectors(arena, optimizer, ValueType.FLOAT32, 5);
        var cut = new Vectors(arena, optimizer, ValueType.FLOAT32, 5);
        for (int round = 0; round < 3; round++) {
          optimizer.step(List.of(whole.piece(0, 0, N)), round, 1);
          optimizer.step(List.of(cut.piece(0, 0, 97)), round, 1);
          optimizer.step(List.of(cut.piece(0, 97, N - 97)), round, 1);
        }
        assertThat(cut.theta.mismatch(whole.theta)).isEqualTo(-1);
      }
    }
  }

  @Test
  void onlyLionLarsNeedsWholeTensors() {
    assertThat(elementwise()).noneMatch(Optimizer::tensorWise);
    var lion = create(Section.of("lion-lars", Map.of("learning-rate", LR)), PURE);
    assertThat(lion.tensorWise()).isTrue();
    assertThat(lion.stateVectors()).isZero();
  }

  @Test
  void aWrongOptionNamesTheOption() {
    assertThatThrownBy(() -> create(Section.of("adamw", Map.of("learning-rate", -1)), PURE))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("learning-rate");
    assertThatThrownBy(() -> create(Section.of("adam", Map.of()), PURE))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("adamw");
  }

  private static List<Optimizer> elementwise() {
    return Stream.of(
            Section.of("sgd", Map.of("learning-rate", LR)),
            Section.of("sgd", Map.of("learning-rate", LR, "momentum", 0.9)),
            Section.of("adamw", Map.of("learning-rate", LR)))
        .map(section -> create(section, PURE))
        .toList();
  }

  private static Formula adamw(double beta1, double beta2, double eps, double decay) {
    var m = new double[N];
    var v = new double[N];
    return (theta, u, t, lr) -> {
      for (int i = 0; i < N; i++) {
        m[i] = beta1 * m[i] + (1 - beta1) * u[i];
        v[i] = beta2 * v[i] + (1 - beta2) * u[i] * u[i];
        double mean = m[i] / (1 - Math.pow(beta1, t));
        double square = v[i] / (1 - Math.pow(beta2, t));
        theta[i] -= lr * (mean / (Math.sqrt(square) + eps) + decay * theta[i]);
      }
    };
  }

  private static void assertFollows(Optimizer optimizer, ValueType type, Formula formula) {
    try (var arena = Arena.ofConfined()) {
      var vectors = new Vectors(arena, optimizer, type, 1);
      double[] theta = vectors.values(vectors.theta, ValueType.FLOAT32);
      for (int round = 0; round < ROUNDS; round++) {
        vectors.fillUpdate(round);
        double factor = 1 - 0.05 * round;
        double[] u = vectors.values(vectors.update, type);
        optimizer.step(List.of(vectors.piece(0, 0, N)), round, factor);
        formula.step(theta, u, round + 1, LR * factor);
      }
      double[] found = vectors.values(vectors.theta, ValueType.FLOAT32);
      for (int i = 0; i < N; i++) {
        assertThat(found[i]).isCloseTo(theta[i], within(2e-6 * Math.max(1, Math.abs(theta[i]))));
      }
    }
  }

  /** What one step makes of a tensor with a single weight. */
  private static float lionStep(Optimizer optimizer, float weight, float update) {
    MemorySegment theta = MemorySegment.ofArray(new byte[4]);
    MemorySegment u = MemorySegment.ofArray(new byte[4]);
    theta.set(ValueType.FLOAT, 0, weight);
    u.set(ValueType.FLOAT, 0, update);
    var piece = new Piece(0, theta, u, ValueType.FLOAT32, List.of(), 1);
    optimizer.step(List.of(piece), 0, 1.0);
    return theta.get(ValueType.FLOAT, 0);
  }

  private static Optimizer create(Section section, boolean integratedMomentum) {
    return Optimizers.CATALOG.create(section).create(integratedMomentum, Kernels.best());
  }

  private static double norm(double[] x) {
    double sum = 0;
    for (double value : x) {
      sum += value * value;
    }
    return Math.sqrt(sum);
  }

  /** A tensor's memory. */
  private static final class Vectors {
    private final MemorySegment theta;
    private final MemorySegment update;
    private final ValueType type;
    private final List<MemorySegment> state;

    Vectors(Arena arena, Optimizer optimizer, ValueType type, long seed) {
      this.type = type;
      theta = arena.allocate(N * 4L);
      update = MemorySegment.ofArray(new byte[N * type.bytes()]);
      state =
          Stream.generate(() -> arena.allocate(N * 4L)).limit(optimizer.stateVectors()).toList();
      fill(theta, ValueType.FLOAT32, new Random(seed));
      fillUpdate(seed);
    }

    void fillUpdate(long seed) {
      fill(update, type, new Random(1000 + seed));
    }

    private static void fill(MemorySegment x, ValueType type, Random random) {
      try (var arena = Arena.ofConfined()) {
        MemorySegment wide = arena.allocate(N * 4L);
        for (int i = 0; i < N; i++) {
          wide.setAtIndex(ValueType.FLOAT, i, (float) random.nextGaussian());
        }
        Kernels.scalar().convert(x, type, wide, ValueType.FLOAT32, N);
      }
    }

    Piece piece(int tensor, int from, int n) {
      var cut = state.stream().map(s -> s.asSlice(from * 4L, n * 4L)).toList();
      return new Piece(
          tensor,
          theta.asSlice(from * 4L, n * 4L),
          update.asSlice((long) from * type.bytes(), (long) n * type.bytes()),
          type,
          cut,
          n);
    }

    double[] values(MemorySegment x, ValueType type) {
      double[] values = new double[N];
      MemorySegment wide = MemorySegment.ofArray(new byte[N * 4]);
      Kernels.scalar().convert(wide, ValueType.FLOAT32, x, type, N);
      for (int i = 0; i < N; i++) {
        values[i] = wide.getAtIndex(ValueType.FLOAT, i);
      }
      return values;
    }
  }
}
