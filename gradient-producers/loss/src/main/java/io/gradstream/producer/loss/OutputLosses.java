package io.gradstream.producer.loss;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.gradstream.proto.spec.Catalog;
import io.gradstream.proto.spec.NoOptions;
import java.util.Arrays;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;

/** The losses of a model's outputs, by the name that a task gives. */
public final class OutputLosses {
  public static final Catalog<OutputLoss> CATALOG =
      Catalog.<OutputLoss>of("loss of a model's output")
          .with(
              "cross-entropy",
              NoOptions.class,
              "-log softmax(output)[label], the mean over samples; output: batch x classes",
              options -> new CrossEntropy())
          .with(
              "binary-cross-entropy",
              NoOptions.class,
              "of logits, the mean over samples: log(1 + exp(x)) - label x; labels 0 and 1",
              options -> new BinaryCrossEntropy())
          .with(
              "l1",
              NoOptions.class,
              "|output - target|, the mean over all elements",
              options -> new L1())
          .with(
              "mse",
              NoOptions.class,
              "(output - target)^2, the mean over all elements",
              options -> new MeanSquaredError())
          .open(OutputLossPlugin.class);

  private OutputLosses() {}

  private static final class CrossEntropy implements OutputLoss {
    @Override
    public @Nullable String misfit(long[] output, Target target) {
      if (output.length != 2) {
        return "cross-entropy needs an output of batch x classes";
      }
      if (!target.isLabel()) {
        return "cross-entropy needs labels as its target";
      }
      return target.maxLabel() >= output[1]
          ? "there are labels up to %d, and outputs for %d classes, 0 to %d"
              .formatted(target.maxLabel(), output[1], output[1] - 1)
          : null;
    }

    @Override
    public NDArray of(NDArray output, NDArray target) {
      return output.logSoftmax(1).gather(target.reshape(new Shape(-1, 1)), 1).mean().neg();
    }

    @Override
    public OptionalDouble accuracy(NDArray output, NDArray target) {
      return share(output.argMax(1).eq(target));
    }
  }

  private static final class BinaryCrossEntropy implements OutputLoss {
    @Override
    public @Nullable String misfit(long[] output, Target target) {
      if (!target.isLabel() || target.maxLabel() > 1) {
        return "binary-cross-entropy needs labels 0 and 1 as its target";
      }
      return sizes("binary-cross-entropy", output, target);
    }

    @Override
    public NDArray of(NDArray output, NDArray target) {
      final NDArray logits = output.flatten();
      final NDArray truth = target.toType(DataType.FLOAT32, false);
      // max(x, 0) - x y + log(1 + exp(-|x|)): no exponential of a large number.
      return logits
          .maximum(0f)
          .sub(logits.mul(truth))
          .add(logits.abs().neg().exp().add(1f).log())
          .mean();
    }

    @Override
    public OptionalDouble accuracy(NDArray output, NDArray target) {
      return share(output.flatten().gt(0f).toType(DataType.INT64, false).eq(target));
    }
  }

  private static final class L1 implements OutputLoss {
    @Override
    public @Nullable String misfit(long[] output, Target target) {
      return sizes("l1", output, target);
    }

    @Override
    public NDArray of(NDArray output, NDArray target) {
      return difference(output, target).abs().mean();
    }

    @Override
    public OptionalDouble accuracy(NDArray output, NDArray target) {
      return OptionalDouble.empty();
    }
  }

  private static final class MeanSquaredError implements OutputLoss {
    @Override
    public @Nullable String misfit(long[] output, Target target) {
      return sizes("mse", output, target);
    }

    @Override
    public NDArray of(NDArray output, NDArray target) {
      return difference(output, target).square().mean();
    }

    @Override
    public OptionalDouble accuracy(NDArray output, NDArray target) {
      return OptionalDouble.empty();
    }
  }

  private static NDArray difference(NDArray output, NDArray target) {
    return output.flatten().sub(target.toType(DataType.FLOAT32, false).flatten());
  }

  private static OptionalDouble share(NDArray isRight) {
    return OptionalDouble.of(isRight.toType(DataType.FLOAT32, false).mean().getFloat());
  }

  private static @Nullable String sizes(String loss, long[] output, OutputLoss.Target target) {
    return size(output) == size(target.shape())
        ? null
        : "%s compares element by element: output %s, target %s"
            .formatted(loss, Arrays.toString(output), Arrays.toString(target.shape()));
  }

  private static long size(long[] shape) {
    return Arrays.stream(shape).reduce(1, Math::multiplyExact);
  }
}
