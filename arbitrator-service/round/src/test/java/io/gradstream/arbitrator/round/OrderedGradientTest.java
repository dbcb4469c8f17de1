package io.gradstream.arbitrator.round;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.TensorShape;
import io.gradstream.proto.message.DataType;
import io.gradstream.proto.message.GradientKind;
import io.gradstream.proto.message.GradientShard;
import io.gradstream.proto.message.Order;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.run.RoundOrders;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.spec.RunSpec;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** A gradient must be what its order asked for, by what it says of itself. */
class OrderedGradientTest {
  private static final int VALUES = 3;

  private static final RunSpec SPEC =
      RunSpec.parse(
          """
          run: ordered
          rounds: 9
          tasks: [{name: a, loss: any}, {name: b, loss: any}]
          accumulation: {micro-batches: 2, batch-size: 8}
          model: any
          resolver: sum
          optimizer: any
          """,
          "a test",
          List.of());

  private static final RunDescription RUN =
      RunDescription.of(
          SPEC,
          Manifest.of(
              List.of("a", "b"),
              List.of(new TensorShape("w", new long[] {VALUES}, TensorShape.SHARED)),
              VALUES,
              1));

  private static final Order ORDER = new RoundOrders(SPEC).of(5, 1, 1, 0);

  private static SlotGradient read(UnaryOperator<GradientShard.Builder> change)
      throws MalformedRecordException {
    final GradientShard header =
        change
            .apply(
                RoundOrders.answer(ORDER)
                    .setManifest(RUN.manifest().hash())
                    .setWorker("w/0")
                    .setSamples(8)
                    .setLoss(1)
                    .setType(DataType.FLOAT32)
                    .setDigest(Digests.UNKNOWN))
            .build();
    final byte[] record = ValuesRecord.allocate(header, VALUES * Float.BYTES);
    final var values = ValuesRecord.valuesOf(record, VALUES * Float.BYTES);
    final var digest = Digests.of(RUN.digest(), "b", header, values);
    ValuesRecord.replaceHeader(record, header.toBuilder().setDigest(digest).build());
    return SlotGradient.read(record, 1, 0, SlotGradient.Rules.of(RUN, Kernels.scalar()));
  }

  private static void refuses(UnaryOperator<GradientShard.Builder> change, String reason) {
    assertThatThrownBy(() -> read(change))
        .isInstanceOf(MalformedRecordException.class)
        .hasMessageContaining(reason);
  }

  @Test
  void whatItsOrderAskedForIsTaken() throws MalformedRecordException {
    assertThat(read(header -> header).round()).isEqualTo(5);
  }

  @Test
  void otherDataOtherWeightsOrAnotherKindAreRefused() {
    refuses(header -> header.setMicroBatch(ORDER.getMicroBatch() + 1), "the slot's is 11 of 8");
    refuses(header -> header.setBatchSize(4), "of 4 samples");
    refuses(header -> header.setWeightsVersion(4), "taken at weights version 4");
    refuses(header -> header.setKind(GradientKind.LOCAL_STEPS), "kind LOCAL_STEPS");
  }
}
