package io.gradstream.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.EnumSet;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class FaultScheduleTest {
  @Test
  void aSeedReproducesTheSchedule() {
    assertThat(faults(5, 200)).isEqualTo(faults(5, 200));
    assertThat(faults(5, 200)).isNotEqualTo(faults(6, 200));
  }

  @Test
  void aShortCampaignHasSomeOfEach() {
    assertThat(faults(1, 38)).extracting(Fault::kind).contains(Fault.Kind.values());
    assertThat(faults(1, 152)).extracting(Fault::record).contains(BadRecord.values());
  }

  @Test
  void whatTheMachineCannotDoIsLeftOut() {
    final var schedule = new FaultSchedule(1, EnumSet.of(Fault.Kind.KILL, Fault.Kind.PAUSE));

    assertThat(Stream.generate(schedule::next).limit(30))
        .extracting(Fault::kind)
        .containsOnly(Fault.Kind.KILL, Fault.Kind.PAUSE);
  }

  private static List<Fault> faults(long seed, int count) {
    final var schedule = new FaultSchedule(seed, EnumSet.allOf(Fault.Kind.class));
    return Stream.generate(schedule::next).limit(count).toList();
  }
}
