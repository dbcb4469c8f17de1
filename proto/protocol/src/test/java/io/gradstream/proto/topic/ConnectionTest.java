package io.gradstream.proto.topic;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ConnectionTest {
  /** Else a service counts what an auditor does not see. */
  @Test
  void nobodyReadsWhatATransactionTookBack() {
    assertThat(Connection.consumerSettings()).containsEntry("isolation.level", "read_committed");
    assertThat(Connection.to("localhost:1").consumer())
        .containsEntry("isolation.level", "read_committed");
  }
}
