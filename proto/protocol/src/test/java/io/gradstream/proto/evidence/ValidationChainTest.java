package io.gradstream.proto.evidence;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.TensorShape;
import io.gradstream.proto.message.Metric;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.spec.ListedKey.Role;
import io.gradstream.proto.spec.RunSpec;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ValidationChainTest {
  @TempDir private Path directory;

  private static RunDescription run(String... overrides) {
    return RunDescription.of(
        RunSpec.parse(
            """
            run: any
            rounds: 100
            tasks: [{name: a, loss: quadratic}]
            model: toy
            resolver: sum
            optimizer: {type: sgd, learning-rate: 1.0}
            """,
            "test",
            List.of(overrides)),
        Manifest.of(
            List.of("a"), List.of(new TensorShape("w", new long[] {4}, TensorShape.SHARED)), 4, 1));
  }

  private static Metric next(ValidationChain chain, long version, @Nullable Signer signer) {
    final var losses =
        Metric.Validation.newBuilder()
            .setVersion(version)
            .putLosses("a", 0.5)
            .setWeights(Digests.of(ByteString.copyFromUtf8("weights " + version)));
    return chain.next(Metric.newBuilder().setValidation(losses).build(), "eve", signer);
  }

  @Test
  void eachNamesTheOneBeforeSoThatNoneInBetweenIsTakenAwayUnseen() throws Exception {
    final var writer = new ValidationChain(run());
    final Metric first = next(writer, 0, null);
    final Metric second = next(writer, 10, null);
    final Metric third = next(writer, 20, null);

    final var whole = new ValidationChain(run());
    assertThat(whole.take(first)).isTrue();
    assertThat(whole.take(second)).isTrue();
    assertThat(whole.take(third)).isTrue();
    final var gap = new ValidationChain(run());
    assertThat(gap.take(first)).isTrue();
    assertThat(gap.take(third)).isFalse();
    final var headless = new ValidationChain(run());
    assertThat(headless.take(second)).isFalse();
  }

  @Test
  void aRestartedEvaluatorGoesOnFromWhatItReads() throws Exception {
    final Metric first = next(new ValidationChain(run()), 0, null);
    final var restarted = new ValidationChain(run());
    restarted.take(first);

    assertThat(next(restarted, 10, null).getValidation().getPrevious())
        .isEqualTo(first.getDigest());
  }

  @Test
  void changedLossesAndThoseOfAnotherRunAreRefused() {
    final Metric honest = next(new ValidationChain(run()), 0, null);
    final var changed = honest.toBuilder();
    changed.getValidationBuilder().putLosses("a", 0.25);

    for (final Metric each :
        List.of(changed.build(), next(new ValidationChain(run("seed=2")), 0, null))) {
      assertThatThrownBy(() -> new ValidationChain(run()).take(each))
          .isInstanceOf(MalformedRecordException.class)
          .hasMessage("losses that are not those of their digest");
    }
  }

  @Test
  void whereEvaluatorsKeysAreListedOnlySignedLossesCount() throws Exception {
    final Path key = directory.resolve("eve.key");
    final RunDescription run =
        run("keys=[{evaluator: eve, public-key: %s}]".formatted(Signer.generate(key)));
    final Signer eve = Signer.read(key, run.spec(), Role.EVALUATOR);
    final Metric signed = next(new ValidationChain(run), 0, eve);

    assertThat(new ValidationChain(run).take(signed)).isTrue();
    assertThatThrownBy(() -> new ValidationChain(run).take(next(new ValidationChain(run), 0, null)))
        .hasMessage("losses not signed by evaluator eve");
    final Metric other =
        new ValidationChain(run).next(signed.toBuilder().clearSignature().build(), "mallory", eve);
    assertThatThrownBy(() -> new ValidationChain(run).take(other))
        .hasMessage("losses of evaluator mallory, whose key is not listed");
  }
}
