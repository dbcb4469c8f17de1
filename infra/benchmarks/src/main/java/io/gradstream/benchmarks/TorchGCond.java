package io.gradstream.benchmarks;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.gradstream.arbitrator.offline.VectorGCond;
import io.gradstream.arbitrator.resolver.MethodState;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * GCond as its public code does it (AlevLab-dev/GCond at 1b0518a, smooth mode): every cosine, norm
 * and projection on the whole vectors, with PyTorch's operations, where a product is a vector
 * before it is summed. Only the stability is against the raw previous gradients.
 */
final class TorchGCond implements AutoCloseable {
  /** The same method in Gram space: options of the resolver {@code gcond}. */
  static final Map<String, Object> OPTIONS =
      Map.of(
          "scores", "projected",
          "stability", "raw",
          "norm-average", "from-one",
          "dominance", "overall",
          "tolerance", 0.0,
          "eps", 1e-8);

  private static final double BETA = 0.9;
  private static final int WINDOW = 3;

  private final NDManager torch;
  private final int iterations;
  private NDManager round;
  private VectorGCond<NDArray> method;
  private List<NDArray> gradients = List.of();
  private NDArray momentum;
  private List<VectorGCond.Decision> decisions = List.of();

  TorchGCond(NDManager torch, int iterations) {
    this.torch = torch;
    this.iterations = iterations;
    this.round = torch.newSubManager();
    this.method = method();
    this.momentum = round.create(0f);
  }

  private VectorGCond<NDArray> method() {
    final var options = new VectorGCond.Options(-0.8, -0.5, 0, true, true, WINDOW, iterations);
    return new VectorGCond<>(new Torch(), options);
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
    method = method();
    this.gradients = Arrays.stream(gradients).map(this::copy).toList();
    this.momentum = copy(momentum);
    method.restore(
        before.get("norm-emas"),
        before.get("history"),
        Arrays.stream(previous).map(this::copy).toList());
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
    decisions = method.resolve(gradients);
    try (NDArray sum = gradients.getFirst().duplicate()) {
      for (final NDArray gradient : gradients.subList(1, gradients.size())) {
        sum.addi(gradient);
      }
      try (NDArray share = sum.mul(1 - BETA)) {
        momentum.muli(BETA).addi(share);
      }
      try (NDArray update = momentum.div(1 - BETA * BETA)) {
        Blackhole.take(update.getFloat(0));
      }
    }
  }

  /** The pairs, in order, and who won, in the last {@link #run}. */
  List<VectorGCond.Decision> decisions() {
    return decisions;
  }

  @Override
  public void close() {
    round.close();
  }

  private static final class Torch implements VectorGCond.Vectors<NDArray> {
    @Override
    public NDArray copy(NDArray vector) {
      return vector.duplicate();
    }

    @Override
    public double dot(NDArray x, NDArray y) {
      try (NDArray product = x.mul(y);
          NDArray sum = product.sum()) {
        return sum.getFloat();
      }
    }

    @Override
    public double squared(NDArray x) {
      try (NDArray square = x.square();
          NDArray sum = square.sum()) {
        return sum.getFloat();
      }
    }

    @Override
    public void subtract(NDArray x, double factor, NDArray y) {
      try (NDArray share = y.mul(-factor)) {
        x.addi(share);
      }
    }

    @Override
    public void free(NDArray vector) {
      vector.close();
    }
  }
}
