package io.gradstream.producer.model.mae;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.gradstream.producer.model.Models;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.proto.UserError;
import io.gradstream.proto.manifest.TensorShape;
import io.gradstream.proto.spec.RunSpec;
import java.lang.foreign.ValueLayout;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.Executors;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MaskedAutoencoderTest {
  private static final RunSpec SPEC =
      RunSpec.parse(
          """
          run: test
          rounds: 1
          tasks: [{name: l1, loss: masked-l1, weight: 0.5}, {name: ssim, loss: masked-ssim, weight: 3}]
          accumulation: {batch-size: 4}
          model: {type: mae, width: 16, encoder-layers: 2, decoder-width: 8, decoder-layers: 1, heads: 2}
          data: {type: idx, directory: 'shipped:digits'}
          resolver: sum
          optimizer: sgd
          """,
          "test.yaml",
          List.of());
  private static final Supplier<TaskModel> MODELS = Models.prepare(SPEC);
  private static final TaskModel MODEL = MODELS.get();

  @BeforeEach
  void startFromTheSameWeights() {
    MODEL.initialize(1);
  }

  @AfterAll
  static void close() {
    MODEL.close();
  }

  /** Another share than the one that was asked for must not be had in silence. */
  @Test
  void aMaskRatioThatLeavesNothingToSeeIsRefused() {
    final RunSpec all = RunSpec.parse(SPEC.text(), "test.yaml", List.of("model.mask-ratio=0.99"));
    assertThatThrownBy(() -> Models.prepare(all))
        .isInstanceOf(UserError.class)
        .hasMessageContaining(
            "mask-ratio: 0.99 leaves none of an image's 49 patches to be seen; at most 0.9795");
    final RunSpec one = RunSpec.parse(SPEC.text(), "test.yaml", List.of("model.mask-ratio=0.9795"));
    assertThat(Models.prepare(one)).isNotNull();
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1})
  void gradientIsTheSlopeAlongEveryTensor(int task) {
    MODEL.gradient(task, 5);
    float[] weights = MODEL.weights().toArray(ValueLayout.JAVA_FLOAT);
    float[] gradient = MODEL.gradient().toArray(ValueLayout.JAVA_FLOAT);
    int first = 0;
    for (TensorShape tensor : MODEL.tensors()) {
      int end = first + (int) tensor.size();
      // Along the gradient itself, so that the slope is its norm and stands out of float32's noise.
      double norm = 0;
      for (int i = first; i < end; i++) {
        norm += (double) gradient[i] * gradient[i];
      }
      norm = Math.sqrt(norm);
      assertThat(norm).as(tensor.name()).isPositive();
      double step = Math.min(5e-3, 1e-3 / norm);
      double above = lossAt(task, weights, gradient, first, end, step / norm);
      double below = lossAt(task, weights, gradient, first, end, -step / norm);
      assertThat((above - below) / (2 * step))
          .as(tensor.toString())
          .isCloseTo(norm, within(0.02 * norm + 3e-4));
      first = end;
    }
  }

  private static double lossAt(
      int task, float[] weights, float[] direction, int first, int end, double step) {
    for (int i = first; i < end; i++) {
      float moved = (float) (weights[i] + step * direction[i]);
      MODEL.weights().setAtIndex(ValueLayout.JAVA_FLOAT, i, moved);
    }
    double loss = MODEL.gradient(task, 5);
    for (int i = first; i < end; i++) {
      MODEL.weights().setAtIndex(ValueLayout.JAVA_FLOAT, i, weights[i]);
    }
    return loss;
  }

  @Test
  void scalarizedGradientIsTheWeightedSumOfTheTasksGradients() {
    double l1 = MODEL.gradient(0, 5);
    float[] first = MODEL.gradient().toArray(ValueLayout.JAVA_FLOAT);
    double ssim = MODEL.gradient(1, 5);
    float[] second = MODEL.gradient().toArray(ValueLayout.JAVA_FLOAT);

    assertThat(MODEL.scalarizedGradient(5)).containsExactly(l1, ssim);
    float[] sum = MODEL.gradient().toArray(ValueLayout.JAVA_FLOAT);
    double squaredError = 0;
    double squaredNorm = 0;
    for (int i = 0; i < sum.length; i++) {
      double expected = 0.5 * first[i] + 3.0 * second[i];
      squaredError += (sum[i] - expected) * (sum[i] - expected);
      squaredNorm += expected * expected;
    }
    assertThat(squaredError).isLessThan(1e-10 * squaredNorm);
    MODEL.scalarizedGradient(6);
    MODEL.scalarizedGradient(5);
    assertThat(MODEL.gradient().toArray(ValueLayout.JAVA_FLOAT)).containsExactly(sum);
  }

  @Test
  void gradientsAreTheSameBitsOnEveryThreadAtTheSameTime() throws Exception {
    MODEL.gradient(0, 3);
    float[] expected = MODEL.gradient().toArray(ValueLayout.JAVA_FLOAT);
    int threads = 4;
    var together = new CyclicBarrier(threads);
    Callable<float[]> worker =
        () -> {
          try (TaskModel model = MODELS.get()) {
            model.initialize(1);
            together.await();
            for (int busy = 0; busy < 5; busy++) {
              model.gradient(1, busy);
            }
            model.gradient(0, 3);
            return model.gradient().toArray(ValueLayout.JAVA_FLOAT);
          }
        };
    try (var executor = Executors.newFixedThreadPool(threads)) {
      for (var answer : executor.invokeAll(Collections.nCopies(threads, worker))) {
        assertThat(answer.get()).containsExactly(expected);
      }
    }
  }

  @Test
  void bothHeldOutLossesFallWhenItsGradientsAreFollowed() {
    double[] before = MODEL.validate(64).losses();
    int values = (int) (MODEL.weights().byteSize() / Float.BYTES);
    var mean = new double[values];
    var square = new double[values];
    for (int step = 1; step <= 150; step++) {
      var sum = new double[values];
      for (int task = 0; task < 2; task++) {
        MODEL.gradient(task, step);
        for (int i = 0; i < values; i++) {
          sum[i] += MODEL.gradient().getAtIndex(ValueLayout.JAVA_FLOAT, i);
        }
      }
      for (int i = 0; i < values; i++) {
        mean[i] = 0.9 * mean[i] + 0.1 * sum[i];
        square[i] = 0.99 * square[i] + 0.01 * sum[i] * sum[i];
        double direction =
            mean[i]
                / (1 - Math.pow(0.9, step))
                / (Math.sqrt(square[i] / (1 - Math.pow(0.99, step))) + 1e-8);
        float weight = MODEL.weights().getAtIndex(ValueLayout.JAVA_FLOAT, i);
        MODEL.weights().setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) (weight - 5e-3 * direction));
      }
    }
    double[] after = MODEL.validate(64).losses();
    assertThat(after[0]).isLessThan(0.7 * before[0]);
    assertThat(after[1]).isLessThan(0.7 * before[1]);
  }

  @Test
  void tasksOfAMicroBatchSeeTheSameImagesAndOtherMicroBatchesOthers() {
    double loss = MODEL.gradient(0, 8);
    MODEL.gradient(1, 8);
    MODEL.gradient(1, 9);
    assertThat(MODEL.gradient(0, 8)).isEqualTo(loss);
    assertThat(MODEL.gradient(0, 9)).isNotEqualTo(loss);
  }

  @Test
  void validationIsTheSameEachTimeAndLeavesGradientsAlone() {
    MODEL.gradient(0, 1);
    float[] gradient = MODEL.gradient().toArray(ValueLayout.JAVA_FLOAT);
    var first = MODEL.validate(10);
    assertThat(first.samples()).isEqualTo(10);
    assertThat(MODEL.validate(10).losses()).containsExactly(first.losses());
    assertThat(MODEL.gradient().toArray(ValueLayout.JAVA_FLOAT)).containsExactly(gradient);
    assertThat(first.losses()[0]).isBetween(0.5, 3.0);
    assertThat(first.losses()[1]).isBetween(0.5, 2.0);
  }

  @Test
  void validationUsesWhatIsHeldOutAtMost() {
    assertThat(MODEL.validate(1_000_000).samples()).isEqualTo(1000);
  }

  @Test
  void weightsWrittenToTheFlatVectorAreTheModels() {
    double before = MODEL.gradient(0, 1);
    int bias = (int) (MODEL.weights().byteSize() / Float.BYTES) - 1;
    MODEL.weights().setAtIndex(ValueLayout.JAVA_FLOAT, bias, 2f);
    assertThat(MODEL.gradient(0, 1)).isNotEqualTo(before);
  }

  @Test
  void initialWeightsFollowFromTheSeed() {
    float[] one = MODEL.weights().toArray(ValueLayout.JAVA_FLOAT);
    MODEL.initialize(2);
    assertThat(MODEL.weights().toArray(ValueLayout.JAVA_FLOAT)).isNotEqualTo(one);
    MODEL.initialize(1);
    assertThat(MODEL.weights().toArray(ValueLayout.JAVA_FLOAT)).containsExactly(one);
  }
}
