package io.gradstream.producer.model.torch;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import ai.djl.nn.convolutional.Conv2d;
import ai.djl.nn.core.Linear;
import ai.djl.nn.norm.LayerNorm;
import ai.djl.pytorch.engine.PtNDArray;
import io.gradstream.producer.data.CounterRandom;
import io.gradstream.producer.data.RandomPurpose;
import io.gradstream.producer.model.Fingerprint;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.UnaryOperator;

/**
 * The arithmetic of PyTorch as it runs in this process: on this processor, with these threads,
 * libraries and settings.
 *
 * <p>Each step computes one operation forward on fixed numbers, and backward: the gradients, with
 * regard to its inputs, of the sum of its results times other fixed numbers. Shapes are such that
 * vectors end unevenly, and that a second intra-op thread gets a part. {@code docs/protocol.md}
 * describes the computation, for workers in other languages.
 */
public final class TorchArithmetic {
  private static final float EPSILON = 1e-6f;

  private final NDManager manager;
  private final Fingerprint.Builder fingerprint = Fingerprint.begin();
  private long drawn;

  private TorchArithmetic(NDManager manager) {
    this.manager = manager;
  }

  /**
   * Takes the fingerprint of a device; starts the engine if it does not run yet.
   *
   * @throws io.gradstream.proto.UserError as {@link TorchEngine#open(String, int)}
   */
  public static Fingerprint fingerprint(String device, int intraOpThreads) {
    try (NDManager manager = TorchEngine.open(device, intraOpThreads)) {
      return fingerprint(manager);
    }
  }

  /**
   * Takes the fingerprint, in well below a second.
   *
   * @param manager on the device to compute on
   */
  public static Fingerprint fingerprint(NDManager manager) {
    try (var recording = Recording.on();
        NDManager own = manager.newSubManager()) {
      return new TorchArithmetic(own).steps();
    }
  }

  private Fingerprint steps() {
    product(8, 8, 8);
    product(64, 64, 64);
    product(544, 64, 192);
    product(33, 257, 17);
    product(1, 1024, 500);
    product(256, 784, 130);
    step(
        "batched matrix products",
        List.of(new Shape(8, 4, 17, 16), new Shape(8, 4, 16, 17)),
        in -> in.get(0).matMul(in.get(1)));
    step(
        "linear layer",
        List.of(new Shape(2, 50, 48), new Shape(96, 48), new Shape(96)),
        in -> Linear.linear(in.get(0), in.get(1), in.get(2)).singletonOrThrow());
    convolution(3, 8, 28, 1);
    convolution(16, 24, 15, 2);
    step("softmax", List.of(new Shape(64, 197)), in -> in.get(0).softmax(-1));
    step("log softmax", List.of(new Shape(64, 10)), in -> in.get(0).logSoftmax(-1));
    step(
        "layer normalisation",
        List.of(new Shape(32, 17, 64), new Shape(64), new Shape(64)),
        in ->
            LayerNorm.layerNorm(in.get(0), new Shape(64), in.get(1), in.get(2), EPSILON)
                .singletonOrThrow());
    elementwise("gelu", Activation::gelu);
    elementwise("exp", NDArray::exp);
    elementwise("tanh", NDArray::tanh);
    elementwise("logarithm of 2 + x", x -> x.add(manager.create(2f)).log());
    elementwise("root of 2 + x", x -> x.add(manager.create(2f)).sqrt());
    elementwise("absolute value", NDArray::abs);
    step(
        "quotient",
        List.of(new Shape(41, 1001), new Shape(1001)),
        in -> in.get(0).div(in.get(1).add(manager.create(2f))));
    step("sum of all", List.of(new Shape(100_003)), in -> in.get(0).sum());
    step("sums of rows", List.of(new Shape(301, 333)), in -> in.get(0).sum(new int[] {1}));
    step("means of columns", List.of(new Shape(301, 333)), in -> in.get(0).mean(new int[] {0}));
    return fingerprint.end();
  }

  private void product(long rows, long inner, long columns) {
    step(
        "matrix product %d x %d x %d".formatted(rows, inner, columns),
        List.of(new Shape(rows, inner), new Shape(inner, columns)),
        in -> in.get(0).matMul(in.get(1)));
  }

  private void convolution(long channels, long filters, long side, long stride) {
    step(
        "convolution of %d channels, stride %d".formatted(channels, stride),
        List.of(
            new Shape(4, channels, side, side),
            new Shape(filters, channels, 3, 3),
            new Shape(filters)),
        in ->
            Conv2d.conv2d(
                    in.get(0),
                    in.get(1),
                    in.get(2),
                    new Shape(stride, stride),
                    new Shape(1, 1),
                    new Shape(1, 1))
                .singletonOrThrow());
  }

  private void elementwise(String name, UnaryOperator<NDArray> function) {
    step(name, List.of(new Shape(41, 1001)), in -> function.apply(in.get(0)));
  }

  /** Takes in an operation's result, and the gradients of its inputs in their order. */
  private void step(String name, List<Shape> shapes, Function<NDList, NDArray> operation) {
    try (NDManager pass = manager.newSubManager()) {
      final var inputs = new NDList();
      for (final Shape shape : shapes) {
        final NDArray input = draw(pass, shape);
        input.setRequiresGradient(true);
        inputs.add(input);
      }
      final NDArray result = operation.apply(inputs);
      final NDArray sum = result.mul(draw(pass, result.getShape())).sum();
      Parameters.backward((PtNDArray) sum);
      final List<float[]> results = new ArrayList<>(List.of(result.toFloatArray()));
      for (final NDArray input : inputs) {
        try (NDArray gradient = input.getGradient()) {
          results.add(gradient.toFloatArray());
        }
      }
      fingerprint.step(name, results);
    }
  }

  /** Numbers from [-1, 1): each tensor that is drawn has a random stream of its own. */
  private NDArray draw(NDManager pass, Shape shape) {
    final var random = CounterRandom.of(0, RandomPurpose.ARITHMETIC, drawn++);
    final float[] values = new float[(int) shape.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (2 * random.uniform(i) - 1);
    }
    return pass.create(values, shape);
  }
}
