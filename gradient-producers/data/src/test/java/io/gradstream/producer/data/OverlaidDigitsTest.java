package io.gradstream.producer.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gradstream.proto.UserError;
import io.gradstream.proto.spec.Section;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class OverlaidDigitsTest {
  private static final ImageSet TWO =
      new StoredImages(1, 2, new byte[] {1, 2, 30, (byte) 200}, new byte[] {7, 8});

  @Test
  void secondImageLiesBelowAndRightAndTheBrighterPixelIsSeen() {
    final var overlaid = new OverlaidImages(TWO, 1, 1);
    assertThat(overlaid.height()).isEqualTo(2);
    assertThat(overlaid.width()).isEqualTo(3);
    assertThat(overlaid.labels()).containsExactly("left-digit", "right-digit");
    for (int sample = 0; sample < 2; sample++) {
      final int partner = overlaid.label(1, sample) - 7;
      assertThat(overlaid.label(0, sample)).isEqualTo(7 + sample);
      assertThat(row(overlaid, sample, 0))
          .containsExactly(TWO.brightness(sample, 0, 0), TWO.brightness(sample, 0, 1), 0);
      assertThat(row(overlaid, sample, 1))
          .containsExactly(0, TWO.brightness(partner, 0, 0), TWO.brightness(partner, 0, 1));
    }
    final var onTop = new OverlaidImages(TWO, 0, 3);
    assertThat(onTop.size()).isEqualTo(6);
    for (int sample = 0; sample < 6; sample++) {
      final int left = TWO.brightness(onTop.label(0, sample) - 7, 0, 1);
      final int right = TWO.brightness(onTop.label(1, sample) - 7, 0, 1);
      assertThat(onTop.brightness(sample, 0, 1)).isEqualTo(Math.max(left, right));
    }
  }

  private static int[] row(ImageSet set, int image, int y) {
    return IntStream.range(0, set.width()).map(x -> set.brightness(image, y, x)).toArray();
  }

  @Test
  void everyDigitIsOnTheLeftAndOnTheRightOnceForEachPartner() {
    final byte[] labels = new byte[100];
    for (int i = 0; i < labels.length; i++) {
      labels[i] = (byte) i;
    }
    final var single = new StoredImages(1, 1, new byte[100], labels);
    final var overlaid = new OverlaidImages(single, 8, 2);
    for (int which = 0; which < 2; which++) {
      for (int turn = 0; turn < 2; turn++) {
        final int of = which;
        assertThat(
                IntStream.range(turn * 100, turn * 100 + 100)
                    .map(s -> overlaid.label(of, s))
                    .distinct()
                    .count())
            .isEqualTo(100);
      }
    }
  }

  @Test
  void heldOutPairsAreMadeOfHeldOutDigits() {
    final ImageData data = load(Map.of("directory", "shipped:digits", "held-out", 100));
    assertThat(data.training().size()).isEqualTo(4 * 9900);
    assertThat(data.heldOut().size()).isEqualTo(100);
    assertThat(data.training().height()).isEqualTo(36);
  }

  @Test
  void tooManyPairsAreRefused() {
    assertThatThrownBy(() -> load(Map.of("directory", "shipped:digits", "partners", 100_000)))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("partners");
  }

  private static ImageData load(Map<String, Object> options) {
    return DataSources.CATALOG.create(Section.of("overlay", options));
  }
}
