package io.gradstream.producer.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class CounterRandomTest {
  private static final int DRAWS = 200_000;

  @Test
  void gaussiansHaveTheMomentsOfAStandardNormal() {
    var random = CounterRandom.of(1, 2, 3);
    double mean = LongStream.range(0, DRAWS).mapToDouble(random::gaussian).average().orElseThrow();
    double square =
        LongStream.range(0, DRAWS)
            .mapToDouble(i -> random.gaussian(i) * random.gaussian(i))
            .average()
            .orElseThrow();
    double tail =
        LongStream.range(0, DRAWS).filter(i -> random.gaussian(i) > 1.959964).count()
            / (double) DRAWS;
    assertThat(mean).isCloseTo(0, within(0.011));
    assertThat(square).isCloseTo(1, within(0.016));
    assertThat(tail).isCloseTo(0.025, within(0.002));
  }

  @Test
  void streamsOfNeighbouringPathsAreUncorrelated() {
    var one = CounterRandom.of(1, 5, 0);
    var next = CounterRandom.of(1, 5, 1);
    double correlation =
        LongStream.range(0, DRAWS)
            .mapToDouble(i -> one.gaussian(i) * next.gaussian(i))
            .average()
            .orElseThrow();
    assertThat(correlation).isCloseTo(0, within(0.011));
  }

  @Test
  void numbersStayWhatTheyAre() {
    // A run's bits rest on these; they were computed by another program from the class comment.
    assertThat(CounterRandom.of(1, 2, 3).bits(0)).isEqualTo(5649887244965920420L);
    assertThat(CounterRandom.of(-7).bits(1L << 40)).isEqualTo(-1402868250785079475L);
    assertThat(CounterRandom.of(1, 2).gaussian(9)).isEqualTo(-0.9599854785576141);
  }
}
