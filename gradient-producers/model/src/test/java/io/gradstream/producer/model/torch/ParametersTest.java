package io.gradstream.producer.model.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import io.gradstream.producer.model.FlatVector;
import io.gradstream.proto.UserError;
import io.gradstream.proto.manifest.TensorShape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ParametersTest {
  private static final List<TensorShape> SHAPES =
      List.of(
          new TensorShape("matrix", new long[] {2, 3}, TensorShape.SHARED),
          new TensorShape("unused", new long[] {5}, TensorShape.SHARED),
          new TensorShape("vector", new long[] {2}, TensorShape.SHARED));

  private final Arena arena = Arena.ofShared();
  private final MemorySegment weights = FlatVector.allocate(arena, SHAPES);
  private final MemorySegment gradient = FlatVector.allocate(arena, SHAPES);
  private NDManager manager;

  @BeforeEach
  void open() {
    manager = TorchEngine.open("cpu", 1);
  }

  @AfterEach
  void close() {
    manager.close();
    arena.close();
  }

  @Test
  void tensorsOnTheCpuLieOnTheFlatVectors() {
    Parameters parameters = Parameters.over(manager, SHAPES, weights, gradient);
    assertThat(parameters).isInstanceOf(Parameters.Aliased.class);
    computesItsGradient(parameters);
  }

  @Test
  void tensorsElsewhereAreCopiedToAndFrom() {
    try (var recording = Recording.on()) {
      final List<PtNDArray> elsewhere =
          SHAPES.stream().map(shape -> parameter(new Shape(shape.shape()))).toList();
      Parameters parameters =
          new Parameters.Copied(
              manager,
              elsewhere,
              FlatVector.slices(weights, SHAPES),
              FlatVector.slices(gradient, SHAPES));
      computesItsGradient(parameters);
    }
  }

  @Test
  void tensorsOfAModuleAreMovedOntoTheFlatVectors() {
    final List<PtNDArray> own =
        SHAPES.stream().map(shape -> parameter(new Shape(shape.shape()))).toList();
    computesItsGradient(Parameters.of(manager, own, SHAPES, weights, gradient));
  }

  private PtNDArray parameter(Shape shape) {
    final NDArray parameter = manager.ones(shape);
    parameter.setRequiresGradient(true);
    return (PtNDArray) parameter;
  }

  /** Of sum(matrix x) + vector.vector, twice, with other weights. */
  private void computesItsGradient(Parameters parameters) {
    for (float scale = 1; scale <= 2; scale++) {
      for (int i = 0; i < 13; i++) {
        weights.setAtIndex(ValueLayout.JAVA_FLOAT, i, scale * i);
      }
      parameters.readWeights();
      parameters.clearGradient();
      try (var recording = Recording.on();
          NDManager pass = manager.newSubManager()) {
        var x = pass.create(new float[] {1, 2, 3}, new Shape(1, 3));
        var matrix = x.matMul(parameters.get(0).transpose()).sum();
        var value = matrix.add(parameters.get(2).mul(parameters.get(2)).sum());
        assertThat(value.getFloat()).isEqualTo(scale * (8 + 26) + scale * scale * (121 + 144));
        Parameters.backward((PtNDArray) value);
      }
      parameters.writeGradient();
      assertThat(gradient.toArray(ValueLayout.JAVA_FLOAT))
          .containsExactly(1, 2, 3, 1, 2, 3, 0, 0, 0, 0, 0, 22 * scale, 24 * scale);
    }
  }

  @Test
  void anotherNumberOfThreadsInTheSameProcessIsRefused() {
    assertThatThrownBy(() -> TorchEngine.open("cpu", 3))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("intra-op-threads");
  }
}
