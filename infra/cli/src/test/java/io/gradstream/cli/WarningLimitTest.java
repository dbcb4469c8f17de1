package io.gradstream.cli;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class WarningLimitTest {
  private final AtomicLong now = new AtomicLong();
  private final LoggerContext context = new LoggerContext();
  private final ListAppender<ILoggingEvent> written = new ListAppender<>();

  WarningLimitTest() {
    final var limit = new WarningLimit(now::get);
    limit.start();
    context.addTurboFilter(limit);
    written.start();
    context.getLogger("x").addAppender(written);
  }

  @Test
  void aFloodOfOneKindIsCutAndCounted() {
    for (int i = 0; i < 100_000; i++) {
      context.getLogger("x").warn("refused offset {}", i);
    }
    assertThat(written.list).hasSize(21);
    assertThat(written.list)
        .last()
        .extracting(ILoggingEvent::getFormattedMessage)
        .isEqualTo("more warnings like the last one are left out");

    now.addAndGet(Duration.ofSeconds(11).toNanos());
    context.getLogger("x").warn("refused offset {}", 100_000);

    assertThat(written.list.get(21).getFormattedMessage())
        .isEqualTo("99980 more warnings like the next one were left out");
    assertThat(written.list)
        .last()
        .extracting(ILoggingEvent::getFormattedMessage)
        .isEqualTo("refused offset 100000");
  }

  @Test
  void otherKindsAndOtherLevelsPass() {
    for (int i = 0; i < 100; i++) {
      context.getLogger("x").warn("refused offset {}", i);
      context.getLogger("x").error("broken {}", i);
    }
    context.getLogger("x").warn("round {} stands still", 7);

    assertThat(written.list).filteredOn(event -> event.getLevel() == Level.ERROR).hasSize(100);
    assertThat(written.list).filteredOn(event -> event.getLevel() == Level.WARN).hasSize(22);
  }
}
