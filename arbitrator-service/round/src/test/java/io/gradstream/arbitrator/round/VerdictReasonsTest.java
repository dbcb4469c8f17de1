package io.gradstream.arbitrator.round;

import static org.assertj.core.api.Assertions.assertThat;

import io.gradstream.arbitrator.resolver.Fallback;
import io.gradstream.arbitrator.resolver.GroupStatistics;
import io.gradstream.arbitrator.resolver.Resolution;
import io.gradstream.arbitrator.resolver.Resolver;
import io.gradstream.arbitrator.resolver.Resolvers;
import io.gradstream.arbitrator.resolver.RoundStatistics;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.spec.Section;
import io.gradstream.proto.spec.SlotGroups;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class VerdictReasonsTest {

  @Test
  void aVerdictHasTheReasonOfAFallbackAndItsCode() {
    final Verdict verdict = verdict("si", 2);

    assertThat(verdict.getFallback()).contains("not positive");
    assertThat(verdict.getFallbackCode()).isEqualTo(Verdict.Fallback.LOSSES);
  }

  @Test
  void aMethodThatHasAnAnswerHasNeither() {
    final Verdict verdict = verdict("sum", 2);

    assertThat(verdict.getFallback()).isEmpty();
    assertThat(verdict.getFallbackCode()).isEqualTo(Verdict.Fallback.NONE);
  }

  /** An audit compares verdicts whole, and those of revision 1 were written without codes. */
  @Test
  void aRunOfTheFirstRevisionHasNoCodes() {
    final Verdict verdict = verdict("si", 1);

    assertThat(verdict.getFallback()).contains("not positive");
    assertThat(verdict.getFallbackCode()).isEqualTo(Verdict.Fallback.NONE);
  }

  @ParameterizedTest
  @EnumSource
  void everyCodeHasItsNameOnTheLog(Fallback.Code code) {
    assertThat(VerdictReasons.code(code)).hasToString(code.name());
  }

  private static Verdict verdict(String method, int format) {
    final var statistics =
        new RoundStatistics(
            0, 2, new double[][] {{1, 0}, {0, 1}}, new double[2][2], new double[] {0, 1}, 0);
    final double[] none = {};
    final var joint =
        new JointRound(
            new GroupStatistics(
                0,
                2,
                new SlotGroups(1, 1),
                statistics.gram(),
                new double[1][2][2],
                statistics.losses(),
                0,
                new double[0]),
            new double[2],
            new double[2],
            new double[2],
            0,
            null,
            none,
            none);
    final Resolver resolver = Resolvers.create(Section.of(method, Map.of()));
    final Resolution resolution = resolver.resolve(statistics, resolver.initialState(2));
    final var verdict = Verdict.newBuilder();
    VerdictReasons.write(verdict, joint, resolution, format);
    return verdict.build();
  }
}
