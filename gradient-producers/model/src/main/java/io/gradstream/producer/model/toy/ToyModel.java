package io.gradstream.producer.model.toy;

import io.gradstream.producer.data.CounterRandom;
import io.gradstream.producer.data.RandomPurpose;
import io.gradstream.producer.loss.Objective;
import io.gradstream.producer.model.FlatVector;
import io.gradstream.producer.model.JavaArithmetic;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.manifest.TensorShape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A parameter vector whose losses are analytic functions. All other parts of a run are the real
 * ones, so that they can be tested in seconds and to the bit.
 *
 * <p>The tasks share {@code dimension} parameters, cut into equal tensors, and may own {@code
 * ownDimension} more each. Losses and gradients are computed in double from the float32 weights and
 * rounded once. Noise, where wanted, is standard normal times {@code noise} on every element that
 * the task touches and follows from (seed, task, micro-batch, element), in the sum of all tasks
 * too; the reported loss is without noise. Held-out losses are the losses themselves.
 */
public final class ToyModel implements TaskModel {
  /**
   * @param name for the tensors that the task owns
   * @param objective of dimension + ownDimension parameters
   * @param weight of the objective in the sum of all tasks' objectives
   */
  public record Task(String name, Objective objective, double weight) {}

  /** How far a batch moves a running mean, as in PyTorch's BatchNorm. */
  private static final float MOVES = 0.1f;

  private final ToyOptions options;
  private final List<Task> tasks;
  private final List<TensorShape> tensors;
  private final long seed;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment weights;
  private final MemorySegment gradient;
  private final double[] point;
  private final double[] slope;

  /**
   * @param seed of the noise
   */
  public ToyModel(ToyOptions options, List<Task> tasks, long seed) {
    this.options = options;
    this.tasks = List.copyOf(tasks);
    this.tensors = shapes(options, tasks);
    this.seed = seed;
    this.weights = FlatVector.allocate(arena, tensors);
    this.gradient = FlatVector.allocate(arena, tensors);
    this.point = new double[options.dimension() + options.ownDimension()];
    this.slope = new double[point.length];
  }

  private static List<TensorShape> shapes(ToyOptions options, List<Task> tasks) {
    var shapes = new ArrayList<TensorShape>();
    int first = 0;
    for (int t = 0; t < options.tensors(); t++) {
      int end = (int) ((t + 1L) * options.dimension() / options.tensors());
      shapes.add(new TensorShape("shared." + t, new long[] {end - first}, TensorShape.SHARED));
      first = end;
    }
    if (options.ownDimension() > 0) {
      for (int task = 0; task < tasks.size(); task++) {
        shapes.add(
            new TensorShape(
                "own." + tasks.get(task).name(), new long[] {options.ownDimension()}, task));
      }
    }
    if (options.buffers() > 0) {
      final long[] shape = {options.buffers()};
      final List<Integer> all = IntStream.range(0, tasks.size()).boxed().toList();
      shapes.add(TensorShape.buffer("running", shape, all));
      for (final int task : all) {
        shapes.add(TensorShape.buffer("running." + tasks.get(task).name(), shape, List.of(task)));
      }
    }
    return List.copyOf(shapes);
  }

  @Override
  public List<TensorShape> tensors() {
    return tensors;
  }

  @Override
  public MemorySegment weights() {
    return weights;
  }

  @Override
  public MemorySegment gradient() {
    return gradient;
  }

  /**
   * The configured start in the first shared parameters; standard normal in the others. Running
   * means begin at zero.
   */
  @Override
  public void initialize(long seed) {
    var normal = CounterRandom.of(seed, RandomPurpose.WEIGHTS);
    List<Double> start = options.start();
    weights.fill((byte) 0);
    long values = firstBuffer();
    for (long i = 0; i < values; i++) {
      double value = i < start.size() ? start.get((int) i) : normal.gaussian(i);
      weights.setAtIndex(ValueType.FLOAT, i, (float) value);
    }
  }

  @Override
  public double gradient(int task, long microBatch) {
    double loss = evaluateWithNoise(task, microBatch);
    gradient.fill((byte) 0);
    for (int d = 0; d < slope.length; d++) {
      gradient.setAtIndex(ValueType.FLOAT, position(task, d), (float) slope[d]);
    }
    learn(task, microBatch, 0, 1);
    learn(task, microBatch, task + 1L, 1);
    return loss;
  }

  /** Where the buffers begin in the flat vector: first that of all tasks, then each task's. */
  private long firstBuffer() {
    return options.dimension() + (long) tasks.size() * options.ownDimension();
  }

  /** Adds what a task's batch takes away from a buffer, times a share, to its gradient. */
  private void learn(int task, long microBatch, long buffer, float share) {
    final var normal = CounterRandom.of(seed, RandomPurpose.NOISE, task, microBatch);
    for (int i = 0; i < options.buffers(); i++) {
      final long at = firstBuffer() + buffer * options.buffers() + i;
      final float old = weights.getAtIndex(ValueType.FLOAT, at);
      final float seen = (float) normal.gaussian(slope.length + (long) i);
      final float taken = share * (MOVES * (old - seen));
      gradient.setAtIndex(ValueType.FLOAT, at, gradient.getAtIndex(ValueType.FLOAT, at) + taken);
    }
  }

  @Override
  public double[] scalarizedGradient(long microBatch) {
    int shared = options.dimension();
    gradient.fill((byte) 0);
    var losses = new double[tasks.size()];
    var sharedSum = new double[shared];
    for (int task = 0; task < losses.length; task++) {
      losses[task] = evaluateWithNoise(task, microBatch);
      double weight = tasks.get(task).weight();
      for (int d = 0; d < shared; d++) {
        sharedSum[d] += weight * slope[d];
      }
      for (int d = shared; d < slope.length; d++) {
        gradient.setAtIndex(ValueType.FLOAT, position(task, d), (float) (weight * slope[d]));
      }
      learn(task, microBatch, 0, 1f / losses.length);
      learn(task, microBatch, task + 1L, 1);
    }
    for (int d = 0; d < shared; d++) {
      gradient.setAtIndex(ValueType.FLOAT, d, (float) sharedSum[d]);
    }
    return losses;
  }

  @Override
  public Validation validate(int samples) {
    var losses = new double[tasks.size()];
    for (int task = 0; task < losses.length; task++) {
      losses[task] = evaluate(task);
    }
    return new Validation(samples, losses);
  }

  @Override
  public long fingerprint() {
    return JavaArithmetic.fingerprint().value();
  }

  @Override
  public void close() {
    arena.close();
  }

  private double evaluateWithNoise(int task, long microBatch) {
    double loss = evaluate(task);
    if (options.noise() > 0) {
      var normal = CounterRandom.of(seed, RandomPurpose.NOISE, task, microBatch);
      for (int d = 0; d < slope.length; d++) {
        slope[d] += options.noise() * normal.gaussian(d);
      }
    }
    return loss;
  }

  /** Loss of a task at the weights; its gradient goes to {@link #slope}. */
  private double evaluate(int task) {
    for (int d = 0; d < point.length; d++) {
      point[d] = weights.getAtIndex(ValueType.FLOAT, position(task, d));
    }
    return tasks.get(task).objective().evaluate(point, slope);
  }

  /** Where parameter {@code d} of a task's objective lies in the flat vector. */
  private long position(int task, int d) {
    return d < options.dimension() ? d : d + (long) task * options.ownDimension();
  }
}
