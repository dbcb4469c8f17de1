package io.gradstream.producer.loss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.gradstream.proto.spec.Section;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** One image of 8 x 8 pixels in two patches of 8 x 4; the right one is masked. */
class ReconstructionLossTest {
  private static final float MEAN = 0.25f;
  private static final float DEVIATION = 0.5f;
  private static final int SIDE = 8;
  private static final int HALF = SIDE / 2;

  private static NDManager manager;

  @BeforeAll
  static void start() {
    manager = NDManager.newBaseManager(Device.cpu(), "PyTorch");
  }

  @AfterAll
  static void stop() {
    manager.close();
  }

  @Test
  void aPerfectGuessCostsNothing() {
    float[] truth = stripes();
    assertThat(loss("masked-l1", truth, truth)).isZero();
    assertThat(loss("masked-ssim", truth, truth)).isCloseTo(0, within(1e-5));
  }

  @Test
  void l1IsTheMeanDifferenceInNormalisedSpace() {
    float[] truth = stripes();
    float[] guess = truth.clone();
    for (int i = 0; i < guess.length; i++) {
      guess[i] += i % 2 == 0 ? 0.1f : -0.3f;
    }
    assertThat(loss("masked-l1", truth, guess)).isCloseTo(0.2 / DEVIATION, within(1e-5));
  }

  @Test
  void theOppositeOfAnImageIsWorseThanGreyAndBothStayBelowTwo() {
    float[] truth = stripes();
    var opposite = new float[truth.length];
    var grey = new float[truth.length];
    for (int i = 0; i < truth.length; i++) {
      opposite[i] = 1 - truth[i];
      grey[i] = 0.5f;
    }
    double ofGrey = loss("masked-ssim", truth, grey);
    double ofOpposite = loss("masked-ssim", truth, opposite);
    assertThat(ofGrey).isBetween(0.3, 1.1);
    assertThat(ofOpposite).isBetween(ofGrey, 2.0);
  }

  @Test
  void ssimIsTheDefinitionsValue() {
    float[] truth = stripes();
    float[] guess = truth.clone();
    for (int i = 0; i < guess.length; i++) {
      guess[i] = 0.7f * truth[i] + 0.01f * (i % 5);
    }
    assertThat(loss("masked-ssim", truth, guess))
        .isCloseTo(byDefinition(truth, guess), within(1e-4));
  }

  /** 1 - SSIM by the paper's formula, window by window, averaged over the masked half's pixels. */
  private static double byDefinition(float[] truth, float[] guess) {
    double sum = 0;
    for (int y = 0; y < SIDE; y++) {
      for (int x = HALF; x < SIDE; x++) {
        double total = 0;
        double meanX = 0;
        double meanY = 0;
        double squareX = 0;
        double squareY = 0;
        double product = 0;
        for (int v = Math.max(0, y - 3); v <= Math.min(SIDE - 1, y + 3); v++) {
          for (int u = Math.max(0, x - 3); u <= Math.min(SIDE - 1, x + 3); u++) {
            double weight = Math.exp(-((v - y) * (v - y) + (u - x) * (u - x)) / (2 * 1.5 * 1.5));
            double a = truth[v * SIDE + u];
            double b = u < HALF ? a : guess[v * SIDE + u];
            total += weight;
            meanX += weight * a;
            meanY += weight * b;
            squareX += weight * a * a;
            squareY += weight * b * b;
            product += weight * a * b;
          }
        }
        meanX /= total;
        meanY /= total;
        double varianceX = squareX / total - meanX * meanX;
        double varianceY = squareY / total - meanY * meanY;
        double covariance = product / total - meanX * meanY;
        sum +=
            (2 * meanX * meanY + 1e-4)
                * (2 * covariance + 9e-4)
                / ((meanX * meanX + meanY * meanY + 1e-4) * (varianceX + varianceY + 9e-4));
      }
    }
    return 1 - sum / (SIDE * HALF);
  }

  private static float[] stripes() {
    var image = new float[SIDE * SIDE];
    for (int i = 0; i < image.length; i++) {
      image[i] = i % 3 == 0 ? 1 : 0.2f * (i % 4);
    }
    return image;
  }

  /**
   * The named loss of an image and a guess, both SIDE x SIDE, of whose guess the right half counts.
   */
  private static double loss(String name, float[] truth, float[] guess) {
    var visible = new float[SIDE * HALF];
    var masked = new float[SIDE * HALF];
    var guessed = new float[SIDE * HALF];
    var isMasked = new float[SIDE * SIDE];
    var source = new long[SIDE * SIDE];
    for (int y = 0; y < SIDE; y++) {
      for (int x = 0; x < HALF; x++) {
        int inPatch = y * HALF + x;
        int left = y * SIDE + x;
        int right = left + HALF;
        visible[inPatch] = (truth[left] - MEAN) / DEVIATION;
        masked[inPatch] = (truth[right] - MEAN) / DEVIATION;
        guessed[inPatch] = (guess[right] - MEAN) / DEVIATION;
        isMasked[right] = 1;
        source[left] = inPatch;
        source[right] = (long) SIDE * HALF + inPatch;
      }
    }
    var patch = new Shape(1, 1, SIDE * HALF);
    var image = new Shape(1, SIDE, SIDE);
    var reconstruction =
        new Reconstruction(
            manager.create(guessed, patch),
            manager.create(masked, patch),
            manager.create(visible, patch),
            manager.create(truth, image),
            manager.create(isMasked, image),
            manager.create(source, image),
            MEAN,
            DEVIATION);
    NDArray loss =
        ReconstructionLosses.CATALOG.create(Section.of(name, Map.of())).of(reconstruction);
    return loss.getFloat();
  }
}
