package io.gradstream.proto.evidence;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.gradstream.proto.evidence.VerdictChain.Link;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.TensorShape;
import io.gradstream.proto.message.ServerMetadata;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.spec.RunSpec;
import java.util.List;
import org.junit.jupiter.api.Test;

class VerdictChainTest {
  private static final RunDescription RUN =
      RunDescription.of(
          RunSpec.parse(
              """
              run: any
              rounds: 100
              tasks: [{name: a, loss: quadratic}, {name: b, loss: quadratic}]
              model: toy
              resolver: sum
              optimizer: {type: sgd, learning-rate: 1.0}
              """,
              "test",
              List.of()),
          Manifest.of(
              List.of("a", "b"),
              List.of(new TensorShape("one", new long[] {4}, TensorShape.SHARED)),
              4,
              1));

  private final VerdictChain chain = new VerdictChain(RUN);

  @Test
  void aVerdictGoesOnFromTheOneWhoseDigestItNames() throws MalformedRecordException {
    final Verdict first = verdict(0, ByteString.EMPTY);
    final Verdict second = verdict(1, Digests.of(first));

    assertThat(chain.lastRound()).isEqualTo(-1);
    assertThat(chain.take(first)).isEqualTo(Link.NEXT);
    assertThat(chain.take(first)).isEqualTo(Link.LAST);
    assertThat(chain.take(second)).isEqualTo(Link.NEXT);
    assertThat(chain.take(first)).isEqualTo(Link.EARLIER);
    assertThat(chain.lastRound()).isEqualTo(1);
    assertThat(chain.digest(0)).contains(Digests.of(first));
    assertThat(chain.digest(1)).contains(Digests.of(second));
  }

  @Test
  void whatDoesNotGoOnIsRefusedWithTheReasonAndLeavesNoTrace() throws MalformedRecordException {
    final Verdict first = verdict(0, ByteString.EMPTY);
    chain.take(first);

    assertRefused(
        verdict(7, Digests.of(first)), "a verdict of round 7, the last one is of round 0");
    assertRefused(
        verdict(1, ByteString.EMPTY),
        "a verdict of round 1 that does not go on from that of round 0");
    assertRefused(
        verdict(1, Digests.of(first)).toBuilder().setRun(ByteString.EMPTY).build(),
        "a verdict of another run");
    assertRefused(
        verdict(1, Digests.of(first)).toBuilder().setManifest(1).build(),
        "a verdict of another manifest");
    assertRefused(verdict(0, Digests.of(first)), "another verdict of round 0");
    assertThat(chain.lastRound()).isZero();
    assertThat(chain.take(verdict(1, Digests.of(first)))).isEqualTo(Link.NEXT);
  }

  @Test
  void itGoesOnFromWhatWasSaved() throws MalformedRecordException {
    final Verdict first = verdict(0, ByteString.EMPTY);
    final Verdict second = verdict(1, Digests.of(first));
    final var metadata = ServerMetadata.newBuilder();
    chain.take(first);
    chain.save(metadata);

    final var restored = new VerdictChain(RUN);
    restored.restore(metadata.build());
    assertThat(restored.take(second)).isEqualTo(Link.NEXT);

    restored.restore(List.of(first, second));
    assertThat(restored.take(second)).isEqualTo(Link.LAST);
    restored.forgetBefore(1);
    assertThat(restored.digest(0)).isEmpty();
    assertThat(restored.take(verdict(2, Digests.of(second)))).isEqualTo(Link.NEXT);
  }

  private void assertRefused(Verdict verdict, String why) {
    assertThatThrownBy(() -> chain.take(verdict))
        .isInstanceOf(MalformedRecordException.class)
        .hasMessage(why);
  }

  private static Verdict verdict(long round, ByteString previous) {
    return Verdict.newBuilder()
        .setRound(round)
        .setManifest(RUN.manifest().hash())
        .setRun(RUN.digest())
        .setPrevious(previous)
        .build();
  }
}
