package io.gradstream.audit.rounds;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.message.Verdict;
import org.junit.jupiter.api.Test;

class DifferenceTest {
  private static final Verdict VERDICT =
      Verdict.newBuilder()
          .setRound(3)
          .addGram(1)
          .addGram(0.1)
          .putDetails("ratio", Verdict.Vector.newBuilder().addValues(0.5).build())
          .putDetails("norms", Verdict.Vector.newBuilder().addValues(1).addValues(2).build())
          .build();

  @Test
  void thereIsNoneBetweenEqualMessages() {
    final var otherOrder =
        Verdict.newBuilder()
            .setRound(3)
            .addGram(1)
            .addGram(0.1)
            .putDetails("norms", Verdict.Vector.newBuilder().addValues(1).addValues(2).build())
            .putDetails("ratio", Verdict.Vector.newBuilder().addValues(0.5).build())
            .build();

    assertThat(Difference.between(VERDICT, otherOrder).none()).isTrue();
  }

  @Test
  void namesTheEntryOfAListToTheBit() {
    assertThat(
            Difference.between(VERDICT, VERDICT.toBuilder().setGram(1, Math.nextUp(0.1)).build()))
        .isEqualTo(new Difference("gram[1]", "0.1", "0.10000000000000002"));
  }

  @Test
  void namesTheEntryOfAMap() {
    final var other =
        VERDICT.toBuilder()
            .putDetails("ratio", Verdict.Vector.newBuilder().addValues(0.25).build())
            .build();

    assertThat(Difference.between(VERDICT, other))
        .isEqualTo(new Difference("details.ratio.values[0]", "0.5", "0.25"));
  }

  @Test
  void tellsWhatIsAbsent() {
    final var chained =
        VERDICT.toBuilder().setPrevious(ByteString.copyFrom(new byte[] {1, (byte) 0xab})).build();

    assertThat(Difference.between(VERDICT, chained))
        .isEqualTo(new Difference("previous", "nothing", "01ab"));
  }

  @Test
  void goesDownToTheFieldOfAListsMessage() {
    final var one = ShardStatistics.newBuilder().addSlots(slot("a")).build();
    final var other = ShardStatistics.newBuilder().addSlots(slot("b")).build();

    assertThat(Difference.between(one, other))
        .isEqualTo(new Difference("slots[0].worker", "a", "b"));
  }

  private static ShardStatistics.Slot slot(String worker) {
    return ShardStatistics.Slot.newBuilder().setSlot(2).setWorker(worker).build();
  }
}
