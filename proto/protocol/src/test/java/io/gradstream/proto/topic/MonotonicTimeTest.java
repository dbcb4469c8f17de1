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
}
