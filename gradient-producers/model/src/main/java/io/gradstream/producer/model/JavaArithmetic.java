package io.gradstream.producer.model;

import io.gradstream.producer.data.CounterRandom;
import io.gradstream.producer.data.RandomPurpose;
import java.util.List;
import java.util.function.IntToDoubleFunction;

/**
 * The arithmetic of models that are computed in Java: IEEE 754 operations in a fixed order, and
 * {@link StrictMath}. By the Java specification it is the same on every machine, so all such
 * workers are of one kind; that it is, is what the fingerprint shows.
 */
public final class JavaArithmetic {
  private static final int VALUES = 1000;

  private JavaArithmetic() {}

  /** Takes the fingerprint, in a few milliseconds. */
  public static Fingerprint fingerprint() {
    final var random = CounterRandom.of(0, RandomPurpose.ARITHMETIC);
    return Fingerprint.begin()
        .step("normal numbers", values(random::gaussian))
        .step("exp", values(i -> StrictMath.exp(random.gaussian(i))))
        .step("sin, pow", values(i -> StrictMath.pow(2 + StrictMath.sin(i), random.uniform(i))))
        .step("sums", values(i -> sum(random, i)))
        .step("sums, fused", values(i -> fusedSum(random, i)))
        .step("quotients, roots", values(i -> Math.sqrt(i / (1 + random.uniform(i)))))
        .end();
  }

  private static List<float[]> values(IntToDoubleFunction function) {
    final float[] values = new float[VALUES];
    for (int i = 0; i < VALUES; i++) {
      values[i] = (float) function.applyAsDouble(i);
    }
    return List.of(values);
  }

  private static double sum(CounterRandom random, int terms) {
    double sum = 0;
    for (int i = 0; i < terms % 100; i++) {
      sum += random.uniform(i) * random.uniform(terms - i);
    }
    return sum;
  }

  private static double fusedSum(CounterRandom random, int terms) {
    float sum = 0;
    for (int i = 0; i < terms % 100; i++) {
      sum = Math.fma((float) random.uniform(i), (float) random.uniform(terms - i), sum);
    }
    return sum;
  }
}
