package io.gradstream.cli.progress;

import static org.assertj.core.api.Assertions.assertThat;

import io.gradstream.proto.message.ShardStatistics;
import org.junit.jupiter.api.Test;

class TimeSharesTest {
  private final TimeShares time = new TimeShares();

  @Test
  void cutsARoundAtItsRecords() {
    // Orders at 1000, statistics at 1500, verdict at 1600, next orders at 2000; the two workers
    // computed 0.25 s on average.
    tellRound(0, 1000, 300_000, 200_000);
    time.order(1, 2000);

    assertThat(time.seconds()).isEqualTo(new TimeShares.Seconds(0.25, 0.25, 0.1, 0.4));
  }

  @Test
  void countsARoundOnceHoweverOftenItsRecordsCome() {
    tellRound(0, 1000, 0, 0);
    time.order(1, 2000);
    final var once = time.seconds();

    tellRound(0, 9000, 0, 0);

    assertThat(time.seconds()).isEqualTo(once);
  }

  @Test
  void waitsUntilARoundIsComplete() {
    time.order(0, 1000);
    time.order(1, 2000);
    assertThat(time.seconds().total()).isZero();

    time.verdict(0, 1600);
    time.statistics(slots(0, 0, 0), 1500);

    assertThat(time.seconds().total()).isEqualTo(1.0);
  }

  private void tellRound(long round, long start, long firstUs, long secondUs) {
    time.order(round, start);
    time.statistics(slots(round, firstUs, secondUs), start + 500);
    time.verdict(round, start + 600);
  }

  /** Two slots, by a worker each. */
  private static ShardStatistics slots(long round, long firstUs, long secondUs) {
    final var statistics = ShardStatistics.newBuilder().setRound(round);
    statistics.addSlotsBuilder().setSlot(0).setWorker("first").setComputeUs(firstUs);
    statistics.addSlotsBuilder().setSlot(1).setWorker("second").setComputeUs(secondUs);
    return statistics.build();
  }
}
