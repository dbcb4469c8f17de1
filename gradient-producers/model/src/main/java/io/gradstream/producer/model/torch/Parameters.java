package io.gradstream.producer.model.torch;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import io.gradstream.producer.model.FlatVector;
import io.gradstream.proto.manifest.TensorShape;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * A network's parameters as torch tensors over two flat vectors, weights and gradient.
 *
 * <p>On the CPU the tensors and their gradients are put <em>onto</em> the vectors once, and nothing
 * is ever copied. On another device they are copied at {@link #readWeights()} and {@link
 * #writeGradient()}. The computation in between is the same code.
 *
 * <p>Confined to one thread. The vectors must outlive the manager.
 */
public abstract sealed class Parameters {
  final List<PtNDArray> tensors = new ArrayList<>();

  /** Parameters on the manager's device. */
  public static Parameters over(
      NDManager manager, List<TensorShape> shapes, MemorySegment weights, MemorySegment gradient) {
    final List<MemorySegment> weightSlices = FlatVector.slices(weights, shapes);
    final boolean isAliased = !manager.getDevice().isGpu();
    final List<PtNDArray> tensors = new ArrayList<>();
    for (int t = 0; t < shapes.size(); t++) {
      final var shape = new Shape(shapes.get(t).shape());
      tensors.add(
          (PtNDArray)
              (isAliased
                  ? manager.create(buffer(weightSlices.get(t)), shape, DataType.FLOAT32)
                  : manager.zeros(shape, DataType.FLOAT32)));
    }
    return over(manager, tensors, shapes, weights, gradient);
  }

  /**
   * The parameters that a module has already. Their values become those of {@code weights}.
   *
   * @param tensors float32, on the manager's device, in the order of {@code shapes}
   */
  public static Parameters of(
      NDManager manager,
      List<PtNDArray> tensors,
      List<TensorShape> shapes,
      MemorySegment weights,
      MemorySegment gradient) {
    if (!manager.getDevice().isGpu()) {
      final List<MemorySegment> slices = FlatVector.slices(weights, shapes);
      try (var recording = Recording.off()) {
        for (int t = 0; t < tensors.size(); t++) {
          tensors.get(t).set(buffer(slices.get(t)));
        }
      }
    }
    return over(manager, tensors, shapes, weights, gradient);
  }

  private static Parameters over(
      NDManager manager,
      List<PtNDArray> tensors,
      List<TensorShape> shapes,
      MemorySegment weights,
      MemorySegment gradient) {
    final List<MemorySegment> gradientSlices = FlatVector.slices(gradient, shapes);
    try (var recording = Recording.on()) {
      tensors.forEach(tensor -> tensor.setRequiresGradient(true));
      return manager.getDevice().isGpu()
          ? new Copied(manager, tensors, FlatVector.slices(weights, shapes), gradientSlices)
          : new Aliased(tensors, gradient, gradientSlices);
    }
  }

  /** The tensor that {@link Layout#declare} gave this index. */
  public NDArray get(int index) {
    return tensors.get(index);
  }

  /** Call before a forward pass: the weights vector may have changed. */
  public abstract void readWeights();

  /** Call before a backward pass, which adds to the gradient. */
  public abstract void clearGradient();

  /** Call after a backward pass: makes the gradient vector hold the gradient. */
  public abstract void writeGradient();

  /**
   * Adds d value / d parameters to the gradients of the parameters that {@code value} depends on.
   */
  public static void backward(PtNDArray value) {
    try (PtNDArray one = (PtNDArray) value.onesLike()) {
      JniUtils.backward(value, one, false, false);
    }
  }

  static ByteBuffer buffer(MemorySegment segment) {
    return segment.asByteBuffer().order(ByteOrder.nativeOrder());
  }

  /** Tensors whose storage is the flat vectors'. */
  static final class Aliased extends Parameters {
    private final MemorySegment gradient;

    /**
     * @param onWeights tensors that lie on the weights already
     */
    Aliased(List<PtNDArray> onWeights, MemorySegment gradient, List<MemorySegment> gradientSlices) {
      this.gradient = gradient;
      for (int t = 0; t < onWeights.size(); t++) {
        final PtNDArray tensor = onWeights.get(t);
        // Torch makes a tensor's gradient at the first backward pass and from then on adds to it in
        // place.
        try (var sum = (PtNDArray) tensor.sum()) {
          backward(sum);
        }
        tensor.getGradient().set(buffer(gradientSlices.get(t)));
        tensors.add(tensor);
      }
    }

    @Override
    public void readWeights() {
      // The tensors are the vector.
    }

    @Override
    public void clearGradient() {
      gradient.fill((byte) 0);
    }

    @Override
    public void writeGradient() {
      // The tensors' gradients are the vector.
    }
  }

  /** Tensors with a storage of their own. */
  static final class Copied extends Parameters {
    private final NDManager manager;
    private final List<MemorySegment> weightSlices;
    private final List<MemorySegment> gradientSlices;

    Copied(
        NDManager manager,
        List<PtNDArray> onDevice,
        List<MemorySegment> weightSlices,
        List<MemorySegment> gradientSlices) {
      this.manager = manager;
      this.weightSlices = weightSlices;
      this.gradientSlices = gradientSlices;
      for (final PtNDArray tensor : onDevice) {
        // So that a parameter that a loss does not reach has a gradient, too: zero.
        try (var sum = (PtNDArray) tensor.sum()) {
          backward(sum);
        }
        tensors.add(tensor);
      }
    }

    @Override
    public void readWeights() {
      try (var recording = Recording.off()) {
        for (int t = 0; t < tensors.size(); t++) {
          PtNDArray tensor = tensors.get(t);
          ByteBuffer values = buffer(weightSlices.get(t));
          try (NDArray source = manager.create(values, tensor.getShape(), DataType.FLOAT32)) {
            source.copyTo(tensor);
          }
        }
      }
    }

    @Override
    public void clearGradient() {
      tensors.forEach(JniUtils::zeroGrad);
    }

    @Override
    public void writeGradient() {
      for (int t = 0; t < tensors.size(); t++) {
        try (NDArray values = tensors.get(t).getGradient()) {
          MemorySegment target = gradientSlices.get(t);
          target.copyFrom(MemorySegment.ofBuffer(values.toByteBuffer()));
        }
      }
    }
  }
}
