package io.gradstream.proto.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gradstream.proto.UserError;
import org.junit.jupiter.api.Test;

class OffHeapTest {
  private static final long MEBIBYTE = 1024 * 1024;

  @Test
  void whatDoesNotFitIsRefusedBeforeAnythingStarts() {
    assertThatThrownBy(
            () -> OffHeap.require("the arbitrator", 500 * MEBIBYTE, 1, limits(512, 4000)))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("the arbitrator")
        .hasMessageContaining("500 MiB")
        .hasMessageContaining("-XX:MaxDirectMemorySize=564m");
  }

  @Test
  void whatFitsPasses() {
    assertThatCode(() -> OffHeap.require("the arbitrator", 500 * MEBIBYTE, 1, limits(564, 564)))
        .doesNotThrowAnyException();
  }

  /** The launcher allows a terabyte, so that is no limit. */
  @Test
  void whatTheMachineDoesNotHaveIsRefused() {
    assertThatThrownBy(
            () -> OffHeap.require("the arbitrator", 500 * MEBIBYTE, 1, limits(1024 * 1024, 300)))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("this machine or container has 300 MiB beside the heap")
        .hasMessageContaining("give it 264 MiB more");
  }

  @Test
  void aPartitionOfARunThatIsSpreadOverMachinesHasToFit() {
    assertThatCode(
            () -> OffHeap.require("the arbitrator", 500 * MEBIBYTE, 4, limits(1024 * 1024, 300)))
        .doesNotThrowAnyException();
  }

  @Test
  void theMachineIsAskedForWhatItHas() {
    final OffHeap.Limits limits = OffHeap.Limits.ofThisJvm();

    assertThat(limits.beside()).isPositive().isLessThan(1L << 50);
  }

  private static OffHeap.Limits limits(long direct, long beside) {
    return new OffHeap.Limits(direct * MEBIBYTE, beside * MEBIBYTE);
  }
}
