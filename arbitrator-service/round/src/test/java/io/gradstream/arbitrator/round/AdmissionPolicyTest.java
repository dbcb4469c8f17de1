package io.gradstream.arbitrator.round;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.record.MalformedRecordException;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.junit.jupiter.api.Test;

class AdmissionPolicyTest {
  private static final Verdict BEFORE =
      Verdict.newBuilder().setRound(4).setNonce(77).addRunningSquared(4).build();

  @Test
  void onlyTheNonceOfTheVerdictBeforeLetsIn() {
    final var admission = new AdmissionPolicy(null);

    assertThatCode(() -> admission.check(gradient(77, 1e9), BEFORE)).doesNotThrowAnyException();
    assertThatThrownBy(() -> admission.check(gradient(76, 1), BEFORE))
        .isInstanceOf(MalformedRecordException.class)
        .hasMessageContaining("no answer to an order of this round");
  }

  @Test
  void theFirstRoundHasNonceZeroAndNoLimit() {
    final var admission = new AdmissionPolicy(10.0);

    assertThatCode(() -> admission.check(gradient(0, 1e30), null)).doesNotThrowAnyException();
    assertThatThrownBy(() -> admission.check(gradient(1, 1), null))
        .isInstanceOf(MalformedRecordException.class);
  }

  @Test
  void anAbsurdNormIsRefused() {
    final var admission = new AdmissionPolicy(10.0);

    assertThatCode(() -> admission.check(gradient(77, 400), BEFORE)).doesNotThrowAnyException();
    assertThatThrownBy(() -> admission.check(gradient(77, 401), BEFORE))
        .isInstanceOf(MalformedRecordException.class)
        .hasMessageContaining("norm 20.02");
  }

  @Test
  void aTaskWhoseGradientsWereZeroMayGoOn() {
    final Verdict allZero = BEFORE.toBuilder().setRunningSquared(0, 0).build();

    assertThatCode(() -> new AdmissionPolicy(10.0).check(gradient(77, 1), allZero))
        .doesNotThrowAnyException();
  }

  @Test
  void theRunningNormFollowsSlowly() {
    assertThat(AdmissionPolicy.running(null, new double[] {4})).containsExactly(4.0);
    assertThat(AdmissionPolicy.running(BEFORE, new double[] {14})).containsExactly(5.0);
  }

  @Test
  void aNonceDependsOnWhatTheRoundCameTo() {
    final long nonce = AdmissionPolicy.nonce(BEFORE.toBuilder().addLosses(0.5));

    assertThat(AdmissionPolicy.nonce(BEFORE.toBuilder().addLosses(0.5))).isEqualTo(nonce);
    assertThat(AdmissionPolicy.nonce(BEFORE.toBuilder().addLosses(0.5000001))).isNotEqualTo(nonce);
    assertThat(AdmissionPolicy.nonce(BEFORE.toBuilder().addLosses(0.5).setRound(5)))
        .isNotEqualTo(nonce);
    assertThat(AdmissionPolicy.nonce(BEFORE.toBuilder().addLosses(0.5).addAllGram(List.of(1.0))))
        .isNotEqualTo(nonce);
  }

  private static SlotGradient gradient(long nonce, double squaredNorm) {
    return new SlotGradient(
        5,
        0,
        nonce,
        ShardStatistics.Slot.getDefaultInstance(),
        MemorySegment.NULL,
        ValueType.FLOAT32,
        squaredNorm,
        ByteString.EMPTY);
  }
}
