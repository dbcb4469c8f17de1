package io.gradstream.cli;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.joran.JoranConfigurator;
import org.junit.jupiter.api.Test;

class LoggingTest {
  /** What cures itself is nothing for a terminal; other errors of Kafka are. */
  @Test
  void changelogsThatAreNotThereYetAreNoErrorsOnATerminal() throws Exception {
    final var context = new LoggerContext();
    final var configurator = new JoranConfigurator();
    configurator.setContext(context);
    configurator.doConfigure(Main.class.getResource("/logback.xml"));

    final String admin = "org.apache.kafka.clients.admin.internals.";
    assertThat(context.getLogger(admin + "PartitionLeaderStrategy").isErrorEnabled()).isFalse();
    assertThat(context.getLogger(admin + "AdminApiDriver").isErrorEnabled()).isTrue();
  }
}
