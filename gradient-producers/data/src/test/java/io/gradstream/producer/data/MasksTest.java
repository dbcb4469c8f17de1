package io.gradstream.producer.data;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class MasksTest {
  @Test
  void aQuarterOf49PatchesIsTwelve() {
    assertThat(Masks.ofRatio(49, 0.75).visible()).isEqualTo(12);
    assertThat(Masks.ofRatio(4, 0.99).visible()).isEqualTo(1);
  }

  @Test
  void orderIsAPermutationAndEveryPatchIsVisibleEquallyOften() {
    var masks = new Masks(49, 12);
    var visible = new int[49];
    int draws = 20_000;
    for (int draw = 0; draw < draws; draw++) {
      int[] order = masks.order(CounterRandom.of(3, draw));
      assertThat(Arrays.stream(order).sorted().toArray())
          .isEqualTo(IntStream.range(0, 49).toArray());
      for (int rank = 0; rank < masks.visible(); rank++) {
        visible[order[rank]]++;
      }
    }
    // Expected 4898 each, standard deviation 61.
    for (int count : visible) {
      assertThat(count).isBetween(4590, 5205);
    }
  }
}
