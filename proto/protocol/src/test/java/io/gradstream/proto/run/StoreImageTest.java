package io.gradstream.proto.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.google.protobuf.ByteString;
import io.gradstream.proto.kernels.VectorId;
import io.gradstream.proto.message.StateRecord.Owner;
import io.gradstream.proto.record.MalformedRecordException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class StoreImageTest {
  private static final VectorId SUM = new VectorId(1, 2);
  private static final VectorId MOMENTUM = new VectorId(2, 0);
  private static final StoreImage SUMS =
      new StoreImage(
          Map.of(SUM, vector(1.5f, -2), MOMENTUM, vector(3)), ByteString.copyFromUtf8("round 7"));
  private static final StoreImage MOMENTS =
      new StoreImage(Map.of(SUM, vector(9)), ByteString.EMPTY);

  @Test
  void eachOwnerFindsItsOwnVectorsAndMetadata() throws MalformedRecordException {
    final var records = new ArrayList<>(SUMS.entries(Owner.ARBITRATOR));
    records.addAll(MOMENTS.entries(Owner.SERVER));

    final StoreImage sums = read(records, Owner.ARBITRATOR);
    assertThat(sums.metadata().toStringUtf8()).isEqualTo("round 7");
    assertThat(sums.vectors()).containsOnlyKeys(SUM, MOMENTUM);
    assertThat(values(sums, SUM)).containsExactly(1.5f, -2);
    assertThat(values(sums, MOMENTUM)).containsExactly(3);
    final StoreImage moments = read(records, Owner.SERVER);
    assertThat(moments.metadata()).isEmpty();
    assertThat(values(moments, SUM)).containsExactly(9);
  }

  @Test
  void noTwoRecordsShareAKey() {
    final var records = new ArrayList<>(SUMS.entries(Owner.ARBITRATOR));
    records.addAll(SUMS.entries(Owner.SERVER));

    assertThat(records.stream().map(entry -> ByteString.copyFrom(entry.key())))
        .doesNotHaveDuplicates();
  }

  @Test
  void withoutItsMetadataItIsNoImage() throws MalformedRecordException {
    final var reader = new StoreImage.Reader(Owner.ARBITRATOR);
    reader.add(SUMS.entries(Owner.ARBITRATOR).getFirst().value());

    assertThat(reader.image()).isEmpty();
  }

  @Test
  void metadataOfAnySizeTravelsInRecordsThatABrokerTakes() throws MalformedRecordException {
    final byte[] bytes = new byte[17_000_000];
    new Random(1).nextBytes(bytes);
    final var large = new StoreImage(Map.of(), ByteString.copyFrom(bytes));

    final var records = large.entries(Owner.ARBITRATOR);

    assertThat(records).allMatch(entry -> entry.value().length < 1_000_000);
    assertThat(records.stream().map(entry -> ByteString.copyFrom(entry.key())))
        .doesNotHaveDuplicates();
    assertThat(read(records, Owner.ARBITRATOR).metadata()).isEqualTo(large.metadata());
    assertThat(reader(records.subList(1, records.size()), Owner.ARBITRATOR).image()).isEmpty();
  }

  /** Who may write to the topic later must not decide what a service begins with. */
  @Test
  void whatComesBehindTheImageIsNoPartOfIt() throws MalformedRecordException {
    final StoreImage.Reader reader = reader(SUMS.entries(Owner.ARBITRATOR), Owner.ARBITRATOR);
    final var other = new StoreImage(Map.of(SUM, vector(9, 9)), ByteString.copyFromUtf8("round 9"));
    for (final StoreImage.Entry entry : other.entries(Owner.ARBITRATOR)) {
      reader.add(entry.value());
    }
    reader.add(new byte[] {1, 2});
    reader.add(null);

    final StoreImage image = reader.image().orElseThrow();
    assertThat(image.metadata().toStringUtf8()).isEqualTo("round 7");
    assertThat(values(image, SUM)).containsExactly(1.5f, -2);
  }

  @Test
  void aRecordOfAnotherKindIsRefused() {
    assertThatExceptionOfType(MalformedRecordException.class)
        .isThrownBy(() -> new StoreImage.Reader(Owner.SERVER).add(new byte[] {1, 2}));
  }

  private static StoreImage read(List<StoreImage.Entry> records, Owner owner)
      throws MalformedRecordException {
    return reader(records, owner).image().orElseThrow();
  }

  private static StoreImage.Reader reader(List<StoreImage.Entry> records, Owner owner)
      throws MalformedRecordException {
    final var reader = new StoreImage.Reader(owner);
    for (final StoreImage.Entry record : records) {
      reader.add(record.value());
    }
    return reader;
  }

  private static MemorySegment vector(float... values) {
    return MemorySegment.ofArray(values);
  }

  private static float[] values(StoreImage image, VectorId id) {
    return image.vectors().getOrDefault(id, MemorySegment.NULL).toArray(ValueLayout.JAVA_FLOAT);
  }
}
