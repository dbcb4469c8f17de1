package io.gradstream.arbitrator.round;

import static io.gradstream.proto.spec.ArithmeticPolicy.NONE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.TensorShape;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.run.RoundKind;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.spec.RunSpec;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class AdmissionPolicyTest {
  /** Of a run that has not decided which arithmetic it takes. */
  private static final Verdict FIRST = Verdict.newBuilder().setNonce(77).build();

  private static final Verdict BEFORE =
      Verdict.newBuilder().setRound(4).setNonce(77).addRunningSquared(4).build();

  @Test
  void onlyTheNonceOfTheVerdictBeforeLetsIn() {
    final var admission = policy("any");

    assertThatCode(() -> admission.check(gradient(77, 1e9), BEFORE, NONE))
        .doesNotThrowAnyException();
    assertThatThrownBy(() -> admission.check(gradient(76, 1), BEFORE, NONE))
        .isInstanceOf(MalformedRecordException.class)
        .hasMessageContaining("no answer to an order of this round");
  }

  @Test
  void theFirstRoundHasNonceZeroAndNoLimit() {
    final var admission = policy("any", "max-norm-ratio=10");

    assertThatCode(() -> admission.check(gradient(0, 1e30), null, NONE)).doesNotThrowAnyException();
    assertThatThrownBy(() -> admission.check(gradient(1, 1), null, NONE))
        .isInstanceOf(MalformedRecordException.class);
  }

  @Test
  void anAbsurdNormIsRefused() {
    final var admission = policy("any", "max-norm-ratio=10");

    assertThatCode(() -> admission.check(gradient(77, 400), BEFORE, NONE))
        .doesNotThrowAnyException();
    assertThatThrownBy(() -> admission.check(gradient(77, 401), BEFORE, NONE))
        .isInstanceOf(MalformedRecordException.class)
        .hasMessageContaining("norm 20.02");
  }

  @Test
  void aTaskWhoseGradientsWereZeroMayGoOn() {
    final Verdict allZero = BEFORE.toBuilder().setRunningSquared(0, 0).build();

    assertThatCode(() -> policy("any", "max-norm-ratio=10").check(gradient(77, 1), allZero, NONE))
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

  @Test
  void anyTakesAllKindsAndThoseWithoutAFingerprint() {
    for (final long fingerprint : new long[] {NONE, 0xa, 0xb}) {
      assertThatCode(() -> policy("any").check(of(fingerprint, 1, 1), BEFORE, NONE))
          .doesNotThrowAnyException();
    }
    assertThat(policy("any").arithmeticAfter(BEFORE, 0xa)).isEqualTo(NONE);
  }

  @Test
  void aNamedFingerprintIsTheOnlyOneFromTheFirstRoundOn() {
    final var admission = policy("00000000000000aa");

    assertThatCode(() -> admission.check(of(0xaa, 0, 0), FIRST, NONE)).doesNotThrowAnyException();
    refuses(admission, of(0xbb, 0, 0), FIRST, NONE, 0xaa);
    refuses(admission, of(NONE, 1, 1), BEFORE, NONE, 0xaa);
    assertThat(admission.arithmeticAfter(null, 0xaa)).isEqualTo(0xaa);
  }

  @Test
  void sameTakesWhatTheFirstSlotHadInItsRoundAndWhatTheVerdictSaysAfterwards() {
    final var admission = policy("same");
    final Verdict decided = BEFORE.toBuilder().setFingerprint(0xaa).build();

    assertThat(admission.decidesArithmetic(null)).isTrue();
    assertThatCode(() -> admission.check(of(0xaa, 0, 0), FIRST, NONE)).doesNotThrowAnyException();
    assertThatCode(() -> admission.check(of(0xaa, 1, 1), FIRST, 0xaa)).doesNotThrowAnyException();
    refuses(admission, of(0xbb, 1, 1), FIRST, 0xaa, 0xaa);
    refuses(admission, of(NONE, 0, 0), FIRST, NONE, NONE);
    assertThat(admission.arithmeticAfter(null, 0xaa)).isEqualTo(0xaa);

    assertThat(admission.decidesArithmetic(decided)).isFalse();
    refuses(admission, of(0xbb, 0, 0), decided, NONE, 0xaa);
    assertThat(admission.arithmeticAfter(decided, 0xbb)).isEqualTo(0xaa);
  }

  /** What a partition counted first is the first slot's, whatever the verdict says: audits ask. */
  @Test
  void theFirstSlotIsFitWhateverWasDecidedLater() {
    assertThatCode(() -> policy("same").check(of(0xbb, 0, 0), FIRST, 0xaa))
        .doesNotThrowAnyException();
  }

  @Test
  void theFirstSlotIsThatOfTheFirstTaskThatTouchesTheFirstShard() {
    final var admission = policy("same");

    assertThat(admission.isFirst(of(0xaa, 0, 0))).isTrue();
    assertThat(admission.isFirst(of(0xaa, 0, 1))).isFalse();
    assertThat(admission.isFirst(of(0xaa, 1, 0))).isFalse();
    assertThat(admission.firstTask(RoundKind.SUM)).isEqualTo(2);
  }

  private static void refuses(
      AdmissionPolicy admission,
      SlotGradient gradient,
      @Nullable Verdict before,
      long decided,
      long taken) {
    assertThatThrownBy(() -> admission.check(gradient, before, decided))
        .isInstanceOfSatisfying(
            ForeignArithmeticException.class,
            refused -> assertThat(refused.taken()).isEqualTo(taken));
  }

  private static AdmissionPolicy policy(String arithmetic, String... overrides) {
    final var spec =
        RunSpec.parse(
            """
            run: any
            rounds: 9
            tasks: [{name: a, loss: any}, {name: b, loss: any}]
            model: any
            resolver: sum
            optimizer: any
            compute: {arithmetic: %s}
            """
                .formatted(arithmetic),
            "test",
            List.of(overrides));
    final var manifest =
        Manifest.of(
            List.of("a", "b"),
            List.of(new TensorShape("w", new long[] {4}, TensorShape.SHARED)),
            4,
            1);
    return new AdmissionPolicy(RunDescription.of(spec, manifest));
  }

  /** A gradient that answers an order of the round after {@link #BEFORE} or {@link #FIRST}. */
  private static SlotGradient of(long fingerprint, int task, int slot) {
    return gradient(
        77,
        1,
        ShardStatistics.Slot.newBuilder()
            .setTask(task)
            .setSlot(slot)
            .setFingerprint(fingerprint)
            .build());
  }

  private static SlotGradient gradient(long nonce, double squaredNorm) {
    return gradient(nonce, squaredNorm, ShardStatistics.Slot.getDefaultInstance());
  }

  private static SlotGradient gradient(
      long nonce, double squaredNorm, ShardStatistics.Slot report) {
    return new SlotGradient(
        5, 0, nonce, report, MemorySegment.NULL, ValueType.FLOAT32, squaredNorm, ByteString.EMPTY);
  }
}
