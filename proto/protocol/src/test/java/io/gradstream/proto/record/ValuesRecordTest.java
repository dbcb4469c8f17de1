package io.gradstream.proto.record;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.gradstream.proto.message.DataType;
import io.gradstream.proto.message.GradientShard;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

final class ValuesRecordTest {
  private static final GradientShard HEADER =
      GradientShard.newBuilder()
          .setRound(3)
          .setShard(1)
          .setWorker("w")
          .setLoss(0.5)
          .setType(DataType.FLOAT32)
          .setWeightsVersion(3)
          .build();

  @Property
  void whatIsWrittenIsPlainProtobuf(@ForAll @Size(max = 300) byte[] values) throws Exception {
    final byte[] record = ValuesRecord.allocate(HEADER, values.length);
    ValuesRecord.valuesOf(record, values.length).copyFrom(MemorySegment.ofArray(values));

    assertThat(GradientShard.parseFrom(record))
        .isEqualTo(HEADER.toBuilder().setValues(ByteString.copyFrom(values)).build());
  }

  @Property
  void theValuesAreReadWhereTheyLie(@ForAll @Size(min = 1, max = 300) byte[] values)
      throws Exception {
    final byte[] record =
        HEADER.toBuilder().setValues(ByteString.copyFrom(values)).build().toByteArray();
    final var read = ValuesRecord.read(record, GradientShard.parser());

    assertThat(read.header()).isEqualTo(HEADER);
    assertThat(read.values().heapBase().orElseThrow()).isSameAs(record);
    assertThat(read.values().toArray(java.lang.foreign.ValueLayout.JAVA_BYTE)).isEqualTo(values);
  }

  @Test
  void aRecordCutShortIsRefused() {
    final byte[] record = ValuesRecord.allocate(HEADER, 8);
    assertThatThrownBy(
            () ->
                ValuesRecord.read(Arrays.copyOf(record, record.length - 3), GradientShard.parser()))
        .isInstanceOf(MalformedRecordException.class)
        .hasMessage("values announce 8 bytes, 5 follow");
  }

  @Test
  void valuesTwiceAreRefused() {
    final byte[] one =
        HEADER.toBuilder().setValues(ByteString.copyFromUtf8("one")).build().toByteArray();
    final byte[] two = Arrays.copyOf(one, 2 * one.length);
    System.arraycopy(one, 0, two, one.length, one.length);
    assertThatThrownBy(() -> ValuesRecord.read(two, GradientShard.parser()))
        .isInstanceOf(MalformedRecordException.class)
        .hasMessage("values twice");
  }

  @Test
  void aRecordWithoutValuesIsRefused() {
    assertThatThrownBy(() -> ValuesRecord.read(HEADER.toByteArray(), GradientShard.parser()))
        .isInstanceOf(MalformedRecordException.class)
        .hasMessage("no values");
  }

  @Property
  void anyBytesAreReadOrRefused(@ForAll @Size(max = 60) byte[] noise) {
    try {
      ValuesRecord.read(noise, GradientShard.parser());
    } catch (MalformedRecordException refused) {
      assertThat(refused)
          .hasMessageMatching(
              "(?s)(no values|not a protobuf message|values announce|values twice).*");
    }
  }
}
