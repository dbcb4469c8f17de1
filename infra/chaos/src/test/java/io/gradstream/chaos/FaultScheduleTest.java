package io.gradstream.chaos;

import static org.assertj.core.api.Assertions.assertThat;

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
    assertThat(faults(1, 23)).extracting(Fault::kind).contains(Fault.Kind.values());
    assertThat(faults(1, 60)).extracting(Fault::record).contains(BadRecord.values());
  }

  private static List<Fault> faults(long seed, int count) {
    final var schedule = new FaultSchedule(seed);
    return Stream.generate(schedule::next).limit(count).toList();
  }
}
