package io.gradstream.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class PrintableTest {
  @Test
  void controlCharactersAndDirectionMarksAreShownNotObeyed() {
    assertThat(Printable.of("w\u001b[2J\n\u202ex")).isEqualTo("w\\u001b[2J\\u000a\\u202ex");
  }

  @Test
  void lettersOfAllScriptsStay() {
    assertThat(Printable.of("häuser-\u96ea/0")).isEqualTo("häuser-\u96ea/0");
  }
}
