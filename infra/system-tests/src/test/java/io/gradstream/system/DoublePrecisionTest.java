package io.gradstream.system;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.gradstream.cli.CommandLineRun;
import io.gradstream.producer.model.Models;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.proto.manifest.TensorShape;
import io.gradstream.proto.spec.RunSpec;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The weights of a run over Kafka against a computation that shares nothing with it but the model:
 * GCond's recursion on the vectors themselves, momentum, clipping and AdamW, all in float64.
 */
final class DoublePrecisionTest {
  private static final int ROUNDS = 60;

  @TempDir Path directory;

  @Test
  void theStreamedRunIsTheComputationInDoublePrecision() throws IOException {
    final Path spec = directory.resolve("spec.yaml");
    Files.writeString(
        spec,
        """
        run: exact
        seed: 3
        rounds: %d
        tasks:
          - {name: red, loss: quadratic}
          - {name: green, loss: quadratic}
          - {name: blue, loss: quadratic, weight: 0.5}
        accumulation: {micro-batches: 2, batch-size: 1}
        model: {type: toy, dimension: 24, own-dimension: 2, tensors: 3, noise: 0.1}
        resolver:
          {method: gcond, projection: smooth, stability: raw, thresholds: [-0.8, -0.5, 0.0],
           remap-power: 2, tie-breaking-weights: [0.8, 0.2], norm-ema-beta: 0.95,
           dominance-window: 3, scores: projected, norm-average: from-one, dominance: overall,
           tolerance: 0, eps: 1e-8}
        momentum: {mode: integrated, beta: 0.9}
        clip-norm: 3
        optimizer: {type: adamw, learning-rate: 0.1, beta2: 0.99, eps: 1e-8, weight-decay: 0.01}
        schedule: {warmup-rounds: 10, decay: cosine, floor: 0.1}
        transport: {shard-values: 8, partitions: 2}
        """
            .formatted(ROUNDS));
    final float[] streamed = train(spec);

    final var reference = new Reference(RunSpec.read(spec, List.of()));
    for (int round = 0; round < ROUNDS; round++) {
      reference.step(round);
    }

    assertThat(reference.conflicts).isGreaterThan(ROUNDS / 2);
    assertThat(reference.clipped).isPositive();
    for (int i = 0; i < streamed.length; i++) {
      assertThat((double) streamed[i]).isCloseTo(reference.theta[i], within(2e-5));
    }
  }

  private float[] train(Path spec) throws IOException {
    final String data = directory.resolve("data").toString();
    final var run = CommandLineRun.of("train", spec.toString(), "--data-dir", data);
    assertThat(run.exitCode()).as(run.err()).isZero();
    final byte[] bytes = Files.readAllBytes(Path.of(data).resolve("model.safetensors"));
    final ByteBuffer file = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    file.position(Long.BYTES + (int) file.getLong(0));
    final float[] values = new float[file.remaining() / Float.BYTES];
    file.slice().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
    return values;
  }

  /** One process, no statistics, no shards: vectors of doubles. */
  private static final class Reference {
    static final double EPS = 1e-8;
    static final int WINDOW = 3;

    final TaskModel model;
    final int shared;
    final double[] lambda;
    final double[] theta;
    final double[] momentum;
    final double[] second;
    final double[] emas = {1, 1, 1};
    final Deque<Integer> history = new ArrayDeque<>();
    double[][] previous;
    int conflicts;
    int clipped;

    Reference(RunSpec spec) {
      model = Models.create(spec);
      model.initialize(spec.seed());
      shared =
          (int)
              model.tensors().stream()
                  .filter(tensor -> tensor.owner() == TensorShape.SHARED)
                  .mapToLong(TensorShape::size)
                  .sum();
      lambda = new double[] {1, 1, 0.5};
      theta = doubles(model.weights());
      momentum = new double[theta.length];
      second = new double[theta.length];
      previous = new double[3][shared];
    }

    void step(int round) {
      for (int i = 0; i < theta.length; i++) {
        model.weights().setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) theta[i]);
      }
      final double[][] accumulated = new double[3][theta.length];
      for (int task = 0; task < 3; task++) {
        for (int slot = 0; slot < 2; slot++) {
          model.gradient(task, 2L * round + slot);
          final double[] gradient = doubles(model.gradient());
          for (int i = 0; i < theta.length; i++) {
            accumulated[task][i] += lambda[task] * gradient[i] / 2;
          }
        }
      }
      optimize(round, unify(accumulated));
    }

    double[] unify(double[][] accumulated) {
      final double[][] g = new double[3][];
      for (int task = 0; task < 3; task++) {
        g[task] = Arrays.copyOf(accumulated[task], shared);
        emas[task] = Math.max(0.95 * emas[task] + 0.05 * norm(g[task]), EPS);
      }
      final double[][] raw = {g[0].clone(), g[1].clone(), g[2].clone()};
      boolean any = false;
      for (int iteration = 0; iteration < 6; iteration++) {
        if (!project(g)) {
          break;
        }
        any = true;
      }
      conflicts += any ? 1 : 0;
      previous = raw;
      final double[] unified = new double[theta.length];
      for (int task = 0; task < 3; task++) {
        for (int i = 0; i < theta.length; i++) {
          unified[i] += i < shared ? g[task][i] : accumulated[task][i];
        }
      }
      return unified;
    }

    /** Resolves the worst conflict; false where there is none. */
    boolean project(double[][] g) {
      int first = -1;
      int other = -1;
      double worst = 0;
      for (int i = 0; i < 3; i++) {
        for (int j = i + 1; j < 3; j++) {
          final double cosine = dot(g[i], g[j]) / (norm(g[i]) * norm(g[j]) + EPS);
          if (cosine < worst) {
            worst = cosine;
            first = i;
            other = j;
          }
        }
      }
      if (first < 0) {
        return false;
      }
      final int winner = arbitrate(g, first, other);
      final int loser = winner == first ? other : first;
      if (history.size() == WINDOW) {
        history.removeFirst();
      }
      history.addLast(winner);
      final double angle = angle(worst);
      final double product = dot(g[first], g[other]);
      final double[] won = g[winner].clone();
      final double[] lost = g[loser].clone();
      for (int d = 0; d < shared; d++) {
        g[winner][d] -= Math.sin(angle) * product / (dot(lost, lost) + EPS) * lost[d];
        g[loser][d] -=
            Math.sin(Math.min(angle, Math.PI / 2)) * product / (dot(won, won) + EPS) * won[d];
      }
      return true;
    }

    static double angle(double cosine) {
      if (cosine >= -0.5) {
        final double part = (cosine + 0.5) / (0.5 + EPS);
        return Math.PI / 2 * (1 - Math.clamp(part, 0, 1));
      }
      if (cosine > -0.8) {
        return Math.PI / 2 + Math.PI / 2 * Math.pow((cosine + 0.5) / (-0.3 + EPS), 2);
      }
      return Math.PI;
    }

    int arbitrate(double[][] g, int i, int j) {
      if (history.size() == WINDOW && history.stream().allMatch(won -> won == i)) {
        return j;
      }
      if (history.size() == WINDOW && history.stream().allMatch(won -> won == j)) {
        return i;
      }
      final double strengthI = norm(g[i]) / (emas[i] + EPS);
      final double strengthJ = norm(g[j]) / (emas[j] + EPS);
      final double all = strengthI + strengthJ + EPS;
      final double scoreI = 0.8 * Math.max(stability(g, i), 0) + 0.2 * strengthI / all;
      final double scoreJ = 0.8 * Math.max(stability(g, j), 0) + 0.2 * strengthJ / all;
      return scoreJ > scoreI ? j : i;
    }

    double stability(double[][] g, int task) {
      return dot(g[task], previous[task]) / (norm(g[task]) * norm(previous[task]) + EPS);
    }

    void optimize(int round, double[] unified) {
      final double[] u = new double[theta.length];
      for (int i = 0; i < u.length; i++) {
        momentum[i] = 0.9 * momentum[i] + 0.1 * unified[i];
        u[i] = momentum[i] / (1 - Math.pow(0.9, round + 1));
      }
      final double norm = norm(u);
      final double clip = Math.min(1, 3 / norm);
      clipped += clip < 1 ? 1 : 0;
      final double rate = 0.1 * factor(round);
      for (int i = 0; i < u.length; i++) {
        final double g = clip * u[i];
        second[i] = 0.99 * second[i] + 0.01 * g * g;
        final double root = Math.sqrt(second[i] / (1 - Math.pow(0.99, round + 1)));
        theta[i] -= rate * 0.01 * theta[i] + rate * g / (root + EPS);
      }
    }

    static double factor(int round) {
      if (round < 10) {
        return (round + 1) / 10.0;
      }
      final double part = (round - 10.0) / (ROUNDS - 1 - 10);
      return 0.1 + 0.9 * (1 + Math.cos(Math.PI * part)) / 2;
    }

    static double[] doubles(MemorySegment values) {
      final double[] doubles = new double[(int) (values.byteSize() / Float.BYTES)];
      Arrays.setAll(doubles, i -> values.getAtIndex(ValueLayout.JAVA_FLOAT, i));
      return doubles;
    }

    static double dot(double[] a, double[] b) {
      double sum = 0;
      for (int i = 0; i < a.length; i++) {
        sum += a[i] * b[i];
      }
      return sum;
    }

    static double norm(double[] a) {
      return Math.sqrt(dot(a, a));
    }
  }
}
