package io.gradstream.producer.model.mae;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDManager;
import io.gradstream.producer.data.CounterRandom;
import io.gradstream.producer.data.DataSources;
import io.gradstream.producer.data.ImageData;
import io.gradstream.producer.data.ImageSet;
import io.gradstream.producer.data.StoredImages;
import io.gradstream.producer.loss.Reconstruction;
import io.gradstream.producer.model.FlatVector;
import io.gradstream.producer.model.torch.Layout;
import io.gradstream.producer.model.torch.Parameters;
import io.gradstream.producer.model.torch.TorchEngine;
import io.gradstream.proto.spec.Section;
import java.lang.foreign.Arena;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MaskedBatchTest {
  private static final ImageData DIGITS =
      DataSources.CATALOG.create(Section.of("idx", Map.of("directory", "shipped:digits")));

  private final NDManager manager = TorchEngine.open("cpu", 1);
  private final Arena arena = Arena.ofShared();

  @AfterEach
  void close() {
    manager.close();
    arena.close();
  }

  @Test
  void visiblePixelsComeBackWhereTheyWereAndMaskedOnesAreGuesses() {
    int[] order = geometry(1).masks().order(CounterRandom.of(3));
    Reconstruction r = reconstruct(1, DIGITS.training(), 17, order);
    float[] composed = r.composed().toFloatArray();
    float[] images = r.images().toFloatArray();
    float[] isMasked = r.isMasked().toFloatArray();
    int masked = 0;
    int sameAsGuess = 0;
    for (int i = 0; i < images.length; i++) {
      if (isMasked[i] == 0) {
        assertThat(composed[i]).isCloseTo(images[i], within(1e-6f));
      } else {
        masked++;
        sameAsGuess += Math.abs(composed[i] - images[i]) < 1e-6f ? 1 : 0;
      }
    }
    assertThat(masked).isEqualTo(37 * 16);
    assertThat(sameAsGuess).isLessThan(masked / 10);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2})
  void guessesDependOnVisiblePixelsAndNotOnMaskedOnes(int context) {
    Geometry geometry = geometry(context);
    int[] order = geometry.masks().order(CounterRandom.of(3));
    ImageSet noise = noise(geometry.grid());
    int masked = order[geometry.masks().visible()];
    ImageSet masksChanged = noise(geometry.grid(), masked);
    ImageSet visibleChanged = noise(geometry.grid(), order[0]);

    float[] guesses = reconstruct(context, noise, 0, order).guessed().toFloatArray();
    assertThat(reconstruct(context, masksChanged, 0, order).guessed().toFloatArray())
        .containsExactly(guesses);
    assertThat(reconstruct(context, visibleChanged, 0, order).guessed().toFloatArray())
        .isNotEqualTo(guesses);
  }

  /** One image of noise, with the pixels of some patches inverted. */
  private static ImageSet noise(PatchGrid grid, int... inverted) {
    var random = CounterRandom.of(5);
    var pixels = new byte[28 * 28];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = (byte) random.bits(i);
    }
    for (int patch : inverted) {
      for (int pixel = 0; pixel < grid.pixelsPerPatch(); pixel++) {
        int at = grid.y(patch, pixel) * 28 + grid.x(patch, pixel);
        pixels[at] = (byte) ~pixels[at];
      }
    }
    return new StoredImages(28, 28, pixels, new byte[1]);
  }

  private static Geometry geometry(int context) {
    return Geometry.of(options(context), DIGITS);
  }

  private static MaeOptions options(int context) {
    return new MaeOptions(4, 0.75, 16, 1, 8, 1, context, 2, 4);
  }

  private Reconstruction reconstruct(int context, ImageSet set, int image, int[] order) {
    Geometry geometry = geometry(context);
    var layout = new Layout();
    var network = new MaeNetwork(options(context), geometry, layout);
    var weights = FlatVector.allocate(arena, layout.tensors());
    layout.initialize(1, weights);
    var gradient = FlatVector.allocate(arena, layout.tensors());
    var parameters = Parameters.over(manager, layout.tensors(), weights, gradient);
    var batch = new MaskedBatch(geometry, 1);
    batch.add(set, image, order);
    return batch.reconstruct(network, parameters, manager);
  }
}
