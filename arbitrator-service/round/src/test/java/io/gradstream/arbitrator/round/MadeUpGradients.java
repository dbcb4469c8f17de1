package io.gradstream.arbitrator.round;

import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.manifest.TensorShape;
import io.gradstream.proto.spec.RunSpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * Gradients and losses of three tasks with parameters of their own; each is a function of its
 * round, task and slot. The second task pulls against the others.
 */
record MadeUpGradients(RunSpec spec) {
  static final int TASKS = 3;
  private static final List<TensorShape> SHAPES =
      List.of(
          new TensorShape("shared.0", new long[] {23}, TensorShape.SHARED),
          new TensorShape("shared.1", new long[] {9, 5}, TensorShape.SHARED),
          new TensorShape("own.a", new long[] {7}, 0),
          new TensorShape("own.c", new long[] {11}, 2));

  /** A run spec with these tasks and other lines. */
  static RunSpec spec(String lines) {
    return RunSpec.parse(
        """
        run: made-up
        seed: 5
        rounds: 100
        model: toy
        optimizer: sgd
        """
            + (lines.contains("tasks:") ? "" : tasks("", "", ""))
            + (lines.contains("accumulation:") ? "" : "accumulation: {micro-batches: 3}\n")
            + lines,
        "made up",
        List.of());
  }

  /** The tasks with other keys. */
  static String tasks(String first, String second, String third) {
    return """
        tasks:
          - {name: a, loss: quadratic%s}
          - {name: b, loss: quadratic, weight: 0.5%s}
          - {name: c, loss: quadratic, weight: 2%s}
        """
        .formatted(first, second, third);
  }

  static Manifest manifest(int shardValues, int partitions) {
    return Manifest.of(List.of("a", "b", "c"), SHAPES, shardValues, partitions);
  }

  /** The same with buffers behind: one of all tasks, one of the first and the last. */
  static Manifest manifestWithBuffers(int shardValues, int partitions) {
    final var shapes = new ArrayList<>(SHAPES);
    shapes.add(TensorShape.buffer("mean", new long[] {20}, List.of(0, 1, 2)));
    shapes.add(TensorShape.buffer("mean.ac", new long[] {5}, List.of(0, 2)));
    return Manifest.of(List.of("a", "b", "c"), shapes, shardValues, partitions);
  }

  /** What a slot takes away from the 25 values of the buffers. */
  static float[] takenFromBuffers(long round, int task, int slot) {
    final var random = new Random(((round * 37 + task) * 37 + slot) * 104729);
    final var taken = new float[25];
    for (int i = 0; i < taken.length; i++) {
      taken[i] = (float) (1e3 * random.nextGaussian());
    }
    return taken;
  }

  /** Where a task's own parameters begin and end in the flat vector of 86 values. */
  static int[] own(int task) {
    return new int[][] {{68, 75}, {75, 75}, {75, 86}}[task];
  }

  static int shared() {
    return 68;
  }

  static int size() {
    return 86;
  }

  /** The flat gradient of a slot; that of the pseudo-task is the loss-weighted sum of all. */
  float[] of(long round, int task, int slot) {
    final var gradient = new float[size()];
    if (task == TASKS) {
      for (int each = 0; each < TASKS; each++) {
        final float[] summand = of(round, each, slot);
        for (int d = 0; d < gradient.length; d++) {
          gradient[d] += (float) (spec.tasks().get(each).weight() * summand[d]);
        }
      }
      return gradient;
    }
    final var random = new Random(((round * 31 + task) * 31 + slot) * 7919);
    final var common = new Random(task);
    final var disputed = new Random(TASKS);
    final int side = task == 1 ? -1 : 1;
    for (int d = 0; d < gradient.length; d++) {
      final double value =
          (task + 1)
              * (side * disputed.nextGaussian()
                  + common.nextGaussian()
                  + 0.5 * random.nextGaussian());
      if (d < shared() || (d >= own(task)[0] && d < own(task)[1])) {
        gradient[d] = (float) value;
      }
    }
    return gradient;
  }

  /** The raw loss of a slot: uneven among the tasks in some rounds, alike in others. */
  double loss(long round, int task, int slot) {
    final double unevenness = round % 5 < 2 ? 1.5 : 0;
    return (1 + 0.1 * slot) * Math.exp(-0.05 * round + unevenness * (task - 1));
  }

  static float[] piece(float[] flat, Shard shard) {
    return Arrays.copyOfRange(flat, (int) shard.offset(), (int) shard.offset() + shard.length());
  }
}
