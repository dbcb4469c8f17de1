package io.gradstream.producer.data;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;
import org.junit.jupiter.api.Test;

class MicroBatchesTest {
  @Property(tries = 200)
  void everySampleIsReadOnceAnEpoch(
      @ForAll long seed,
      @ForAll @IntRange(min = 1, max = 300) int samples,
      @ForAll @IntRange(min = 1, max = 40) int size,
      @ForAll @LongRange(min = 0, max = 1000) long epoch) {
    var batches = new MicroBatches(seed, samples, size);
    var read = new ArrayList<Integer>();
    for (long position = epoch * samples; position < (epoch + 1) * samples; position++) {
      read.add(batches.samples(position / size)[(int) (position % size)]);
    }
    assertThat(read)
        .containsExactlyInAnyOrderElementsOf(IntStream.range(0, samples).boxed().toList());
  }

  @Test
  void epochsAndSeedsHaveOrdersOfTheirOwn() {
    var one = new MicroBatches(1, 100, 100);
    assertThat(one.samples(0)).isNotEqualTo(one.samples(1));
    assertThat(one.samples(0)).isNotEqualTo(new MicroBatches(2, 100, 100).samples(0));
    assertThat(one.samples(7)).isEqualTo(new MicroBatches(1, 100, 100).samples(7));
  }

  @Test
  void firstPositionsAreSpreadOverTheWholeSet() {
    int samples = 60_000;
    int[] firsts =
        IntStream.range(0, 4000)
            .map(seed -> new MicroBatches(seed, samples, 1).samples(0)[0])
            .toArray();
    // Uniform: mean n/2 within five standard errors, deciles of about 400.
    double mean = IntStream.of(firsts).average().orElseThrow();
    assertThat(mean).isBetween(samples * (0.5 - 0.023), samples * (0.5 + 0.023));
    List<Integer> deciles = IntStream.of(firsts).map(first -> first / 6000).boxed().toList();
    for (int decile = 0; decile < 10; decile++) {
      int wanted = decile;
      assertThat(deciles.stream().filter(found -> found == wanted).count()).isBetween(300L, 500L);
    }
  }
}
