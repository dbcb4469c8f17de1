package io.gradstream.proto.topic;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class ClockWatchTest {
  private long wallMs = 1_000_000_000;
  private long nanos = -5;
  private final ClockWatch clock = new ClockWatch(() -> wallMs, () -> nanos);

  @Test
  void aClockThatIsSetBackIsToldOnce() {
    pass(Duration.ofHours(2));
    assertThat(clock.wentBack()).isFalse();

    wallMs -= Duration.ofHours(1).toMillis();
    assertThat(clock.wentBack()).isTrue();

    pass(Duration.ofMinutes(1));
    assertThat(clock.wentBack()).isFalse();
  }

  @Test
  void aStepForwardIsBorneAndTheStepBackAfterItIsNot() {
    wallMs += Duration.ofHours(1).toMillis();
    assertThat(clock.wentBack()).isFalse();

    pass(Duration.ofSeconds(3));
    wallMs -= Duration.ofHours(1).toMillis();
    assertThat(clock.wentBack()).isTrue();
  }

  @Test
  void aClockThatIsCorrectedBySecondsIsBorne() {
    for (int i = 0; i < 100; i++) {
      pass(Duration.ofSeconds(1));
      wallMs -= 1_000;
      assertThat(clock.wentBack()).isFalse();
    }
  }

  private void pass(Duration time) {
    wallMs += time.toMillis();
    nanos += time.toNanos();
  }
}
