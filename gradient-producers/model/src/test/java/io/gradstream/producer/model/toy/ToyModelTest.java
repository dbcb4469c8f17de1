package io.gradstream.producer.model.toy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.gradstream.producer.loss.Landscape;
import io.gradstream.producer.loss.Objective;
import io.gradstream.producer.loss.Quadratic;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.proto.manifest.TensorShape;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ToyModelTest {
  @Test
  void tasksTouchTheSharedAndTheirOwnParametersAlone() {
    try (var model = quadratics(new ToyOptions(4, 2, 2, List.of(), 0, 0))) {
      model.initialize(7);
      model.gradient(1, 0);

      assertThat(model.tensors()).extracting(TensorShape::owner).containsExactly(-1, -1, 0, 1);
      float[] gradient = model.gradient().toArray(ValueLayout.JAVA_FLOAT);
      assertThat(gradient).hasSize(8);
      assertThat(gradient[4]).isZero();
      assertThat(gradient[5]).isZero();
      assertThat(gradient[6]).isNotZero();
      assertThat(gradient[7]).isNotZero();
    }
  }

  @Test
  void weightsWrittenFromOutsideAreTheOnesThatCount() {
    try (var model =
        new ToyModel(
            new ToyOptions(2, 0, 1, List.of(-8.5, 7.5), 0, 0),
            tasks(new Landscape(0), new Landscape(1)),
            1)) {
      model.initialize(1);
      double atStart = model.gradient(0, 0);
      model.weights().setAtIndex(ValueLayout.JAVA_FLOAT, 0, 7f);
      model.weights().setAtIndex(ValueLayout.JAVA_FLOAT, 1, -8f);
      double atMinimum = model.gradient(0, 0);

      assertThat(atStart).isGreaterThan(0);
      assertThat(atMinimum).isCloseTo(-20, within(0.02));
    }
  }

  @Test
  void noiseFollowsFromTheMicroBatchAndAveragesOut() {
    try (var noisy = quadratics(new ToyOptions(3, 0, 1, List.of(), 0.5, 0));
        var clean = quadratics(new ToyOptions(3, 0, 1, List.of(), 0, 0))) {
      noisy.initialize(1);
      clean.initialize(1);
      clean.gradient(0, 0);
      float expected = clean.gradient().getAtIndex(ValueLayout.JAVA_FLOAT, 0);

      noisy.gradient(0, 11);
      float[] first = noisy.gradient().toArray(ValueLayout.JAVA_FLOAT);
      noisy.gradient(1, 12);
      noisy.gradient(0, 11);
      assertThat(noisy.gradient().toArray(ValueLayout.JAVA_FLOAT)).containsExactly(first);

      double mean = 0;
      int draws = 10_000;
      for (int b = 0; b < draws; b++) {
        noisy.gradient(0, b);
        mean += noisy.gradient().getAtIndex(ValueLayout.JAVA_FLOAT, 0) / (double) draws;
      }
      assertThat(first[0]).isNotEqualTo(expected);
      assertThat(mean).isCloseTo(expected, within(0.02));
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {0, 0.5})
  void scalarizedGradientIsTheWeightedSumOfTheTasksGradientsAndTheirNoise(double noise) {
    try (var model = quadratics(new ToyOptions(4, 2, 2, List.of(), noise, 0))) {
      model.initialize(7);
      double[] losses = {model.gradient(0, 3), 0};
      float[] first = model.gradient().toArray(ValueLayout.JAVA_FLOAT);
      losses[1] = model.gradient(1, 3);
      float[] second = model.gradient().toArray(ValueLayout.JAVA_FLOAT);

      assertThat(model.scalarizedGradient(3)).containsExactly(losses);
      float[] sum = model.gradient().toArray(ValueLayout.JAVA_FLOAT);
      for (int i = 0; i < sum.length; i++) {
        assertThat(sum[i]).isCloseTo(0.5f * first[i] + 3 * second[i], within(1e-5f));
      }
      model.scalarizedGradient(4);
      model.scalarizedGradient(3);
      assertThat(model.gradient().toArray(ValueLayout.JAVA_FLOAT)).containsExactly(sum);
    }
  }

  @Test
  void initialWeightsFollowFromTheSeedAlone() {
    try (var one = quadratics(new ToyOptions(5, 1, 1, List.of(3.0), 0, 0));
        var other = quadratics(new ToyOptions(5, 1, 1, List.of(3.0), 0, 0))) {
      one.initialize(9);
      other.initialize(9);
      assertThat(one.weights().mismatch(other.weights())).isEqualTo(-1);
      assertThat(one.weights().getAtIndex(ValueLayout.JAVA_FLOAT, 0)).isEqualTo(3f);
      MemorySegment nine = MemorySegment.ofArray(one.weights().toArray(ValueLayout.JAVA_FLOAT));
      one.initialize(10);
      assertThat(one.weights().mismatch(nine)).isNotEqualTo(-1);
    }
  }

  @Test
  void aBatchTakesFromABufferWhatItMovesItBy() {
    try (var model = quadratics(new ToyOptions(3, 1, 1, List.of(), 0, 2))) {
      final TensorShape all = TensorShape.buffer("running", new long[] {2}, List.of(0, 1));
      assertThat(model.tensors()).contains(all).filteredOn(TensorShape::buffer).hasSize(3);
      model.initialize(1);
      assertThat(model.weights().getAtIndex(ValueLayout.JAVA_FLOAT, 5)).isZero();
      final float[] first = gradient(model, 0, 7);
      final float[] second = gradient(model, 1, 7);
      model.weights().setAtIndex(ValueLayout.JAVA_FLOAT, 5, 10);

      assertThat(gradient(model, 0, 7)[5] - first[5]).isCloseTo(1, within(1e-6f));
      assertThat(first[5]).isNotZero().isNotEqualTo(second[5]);
      assertThat(first[7]).as("its own").isNotZero();
      assertThat(first[9]).as("the other task's").isZero();
      assertThat(gradient(model, 0, 8)[6]).as("of another batch").isNotEqualTo(first[6]);
      model.weights().setAtIndex(ValueLayout.JAVA_FLOAT, 5, 0);
      model.scalarizedGradient(7);
      assertThat(model.gradient().getAtIndex(ValueLayout.JAVA_FLOAT, 5))
          .isCloseTo((first[5] + second[5]) / 2, within(1e-7f));
      assertThat(model.gradient().getAtIndex(ValueLayout.JAVA_FLOAT, 9)).isEqualTo(second[9]);
    }
  }

  private static float[] gradient(TaskModel model, int task, long microBatch) {
    model.gradient(task, microBatch);
    return model.gradient().toArray(ValueLayout.JAVA_FLOAT);
  }

  private static TaskModel quadratics(ToyOptions options) {
    int dimension = options.dimension() + options.ownDimension();
    return new ToyModel(
        options, tasks(new Quadratic(1, 0, dimension, 10), new Quadratic(1, 1, dimension, 10)), 1);
  }

  private static List<ToyModel.Task> tasks(Objective first, Objective second) {
    return List.of(new ToyModel.Task("a", first, 0.5), new ToyModel.Task("b", second, 3));
  }
}
