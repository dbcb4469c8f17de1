package io.gradstream.proto.topic;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class MonotonicTimeTest {
  @Test
  void aWallClockThatIsSetBackDoesNotSetItBack() {
    final var wallMs = new AtomicLong(1_000_000);
    final var nanos = new AtomicLong(-7);
    final var time = new MonotonicTime(wallMs::get, nanos::get);

    wallMs.addAndGet(-3_600_000);
    nanos.addAndGet(2_500_000_000L);

    assertThat(time.milliseconds()).isEqualTo(1_002_500);
    assertThat(time.timer(500).remainingMs()).isEqualTo(500);
  }

  /** A broker whose clock is behind would refuse the records of all others as the future's. */
  @Test
  void aWallClockThatIsSetForthIsFollowedAndNotBackAgain() {
    final var wallMs = new AtomicLong(1_000_000);
    final var nanos = new AtomicLong();
    final var time = new MonotonicTime(wallMs::get, nanos::get);

    wallMs.addAndGet(3_600_000);
    assertThat(time.milliseconds()).isEqualTo(4_600_000);

    wallMs.addAndGet(-3_600_000);
    nanos.addAndGet(1_000_000_000L);
    assertThat(time.milliseconds()).isEqualTo(4_601_000);
  }
}
