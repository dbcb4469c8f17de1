package io.gradstream.arbitrator.round;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.message.DataType;
import io.gradstream.proto.message.GradientShard;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.run.RoundOrders;
import io.gradstream.proto.run.RunDescription;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

/** What a gradient must be to count, for the arbitrator as for an auditor. */
class SlotGradientTest {
  private static final Manifest MANIFEST = MadeUpGradients.manifest(1000, 1);
  private static final RunDescription RUN =
      RunDescription.of(MadeUpGradients.spec("resolver: sum\n"), MANIFEST);

  @Test
  void countsWithTheDigestOfItsBytes() throws MalformedRecordException {
    final byte[] record = sealed(record());

    assertThat(read(record).digest())
        .isEqualTo(ValuesRecord.read(record, GradientShard.parser()).header().getDigest());
  }

  /** Without keys as well: an audit would find it later, when nothing can be mended any more. */
  @Test
  void doesNotCountWithAnotherDigest() {
    assertThatThrownBy(() -> read(record()))
        .isInstanceOf(MalformedRecordException.class)
        .hasMessage("its bytes have another digest than it claims");
    assertThatThrownBy(() -> SlotGradient.read(null, 0, 0, rules()))
        .isInstanceOf(MalformedRecordException.class);
  }

  /** Each of these once ended the arbitrator, and again at every start. */
  @Test
  void doesNotCountWithWhatNobodyCanWorkWith() {
    refuses("w".repeat(60_000), 1, 0, "names have at most 128");
    refuses("w\u001b[2J", 1, 0, "names have at most 128");
    refuses("w", Double.MAX_VALUE, 0, "no float32");
    refuses("w", Double.NaN, 0, "not finite");
    refuses("w", 1, 1.1e19f, "too large to square and add");
  }

  @Test
  void doesNotCountWithANumberOfSamplesThatNobodyCanHave() {
    final byte[] record =
        ValuesRecord.allocate(
            RoundOrders.answer(new RoundOrders(RUN.spec()).of(0, 0, 0, 0))
                .setManifest(MANIFEST.hash())
                .setWorker("w")
                .setSamples(-1)
                .setType(DataType.FLOAT32)
                .setDigest(Digests.UNKNOWN)
                .build(),
            MANIFEST.shard(0).length() * Float.BYTES);

    assertThatThrownBy(() -> read(sealed(record)))
        .isInstanceOf(MalformedRecordException.class)
        .hasMessageContaining("-1 samples");
  }

  private static void refuses(String worker, double loss, float value, String reason) {
    final byte[] record =
        ValuesRecord.allocate(
            RoundOrders.answer(new RoundOrders(RUN.spec()).of(0, 0, 0, 0))
                .setManifest(MANIFEST.hash())
                .setWorker(worker)
                .setLoss(loss)
                .setType(DataType.FLOAT32)
                .setDigest(Digests.UNKNOWN)
                .build(),
            MANIFEST.shard(0).length() * Float.BYTES);
    ValuesRecord.valuesOf(record, Float.BYTES).set(ValueLayout.JAVA_FLOAT_UNALIGNED, 0, value);
    assertThatThrownBy(() -> read(sealed(record)))
        .isInstanceOf(MalformedRecordException.class)
        .hasMessageContaining(reason);
  }

  /** Two workers that are not finite end a round, so nobody may speak for another. */
  @Test
  void whatIsNotFiniteIsLookedAtLast() {
    final byte[] record = record();
    ValuesRecord.valuesOf(record, Float.BYTES).set(ValueLayout.JAVA_FLOAT_UNALIGNED, 0, Float.NaN);

    assertThatThrownBy(() -> read(record)).isNotInstanceOf(DivergedException.class);
    assertThatThrownBy(() -> read(sealed(record))).isInstanceOf(DivergedException.class);
  }

  private static byte[] sealed(byte[] record) throws MalformedRecordException {
    final var read = ValuesRecord.read(record, GradientShard.parser());
    final ByteString digest = Digests.of(RUN.digest(), "a", read.header(), read.values());
    ValuesRecord.replaceHeader(record, read.header().toBuilder().setDigest(digest).build());
    return record;
  }

  private static SlotGradient read(byte[] record) throws MalformedRecordException {
    return SlotGradient.read(record, 0, 0, rules());
  }

  private static SlotGradient.Rules rules() {
    return SlotGradient.Rules.of(RUN, Kernels.scalar());
  }

  private static byte[] record() {
    return ValuesRecord.allocate(
        RoundOrders.answer(new RoundOrders(RUN.spec()).of(0, 0, 0, 0))
            .setManifest(MANIFEST.hash())
            .setType(DataType.FLOAT32)
            .setDigest(Digests.UNKNOWN)
            .build(),
        MANIFEST.shard(0).length() * Float.BYTES);
  }
}
