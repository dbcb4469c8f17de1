package io.gradstream.proto.run;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gradstream.proto.UserError;
import org.junit.jupiter.api.Test;

class OffHeapTest {
  private static final long MEBIBYTE = 1024 * 1024;

  @Test
  void whatDoesNotFitIsRefusedBeforeAnythingStarts() {
    assertThatThrownBy(() -> OffHeap.require("the arbitrator", 500 * MEBIBYTE, 512 * MEBIBYTE))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("the arbitrator")
        .hasMessageContaining("500 MiB")
        .hasMessageContaining("-XX:MaxDirectMemorySize=564m");
  }

  @Test
  void whatFitsPasses() {
    assertThatCode(() -> OffHeap.require("the arbitrator", 500 * MEBIBYTE, 564 * MEBIBYTE))
        .doesNotThrowAnyException();
  }
}
