package io.gradstream.benchmarks;

import io.gradstream.producer.model.FlatVector;
import io.gradstream.producer.model.JavaArithmetic;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.manifest.TensorShape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * A model of any size that costs two vectors and no heap: each task pulls the weights towards
 * made-up values of its own, element by element. One thread.
 */
final class SyntheticModel implements TaskModel {
  private final List<TensorShape> tensors;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment weights;
  private final MemorySegment gradient;

  SyntheticModel(List<TensorShape> tensors) {
    this.tensors = List.copyOf(tensors);
    weights = FlatVector.allocate(arena, tensors);
    gradient = FlatVector.allocate(arena, tensors);
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

  @Override
  public void initialize(long seed) {
    SyntheticVectors.fill(weights, seed);
  }

  @Override
  public double gradient(int task, long microBatch) {
    SyntheticVectors.fill(gradient, 1000L * (task + 1) + microBatch);
    double loss = 0;
    for (long at = 0; at < weights.byteSize(); at += Float.BYTES) {
      final float pull = weights.get(ValueType.FLOAT, at) - gradient.get(ValueType.FLOAT, at);
      gradient.set(ValueType.FLOAT, at, pull);
      loss += 0.5 * pull * pull;
    }
    return loss * Float.BYTES / weights.byteSize();
  }

  @Override
  public double[] scalarizedGradient(long microBatch) {
    throw new UnsupportedOperationException("the benchmark asks for one gradient per task");
  }

  @Override
  public Validation validate(int samples) {
    throw new UnsupportedOperationException("the benchmark does not validate");
  }

  @Override
  public long fingerprint() {
    return JavaArithmetic.fingerprint().value();
  }

  @Override
  public void close() {
    arena.close();
  }
}
