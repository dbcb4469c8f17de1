package io.gradstream.submission.weights;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gradstream.proto.UserError;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.TensorShape;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.spec.RunSpec;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class InitialTensorsTest {
  private static final List<TensorShape> MODEL =
      List.of(
          new TensorShape("body.weight", new long[] {2, 2}, TensorShape.SHARED),
          new TensorShape("body.bias", new long[] {2}, TensorShape.SHARED),
          new TensorShape("head", new long[] {1}, 0));

  private static final String BODY =
      """
      "body.weight":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},\
      "body.bias":{"dtype":"F32","shape":[2],"data_offsets":[16,24]}""";

  private static final String HEAD =
      ",\"head\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[24,28]}";

  @TempDir Path directory;

  private static void counting(ByteBuffer data) {
    for (int i = 1; data.remaining() >= Float.BYTES; i++) {
      data.putFloat(i);
    }
  }

  private static byte[] file(String header, int data, Consumer<ByteBuffer> values) {
    final byte[] json = ("{" + header + "}").getBytes(UTF_8);
    final ByteBuffer file =
        ByteBuffer.allocate(Long.BYTES + json.length + data)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(json.length)
            .put(json);
    values.accept(file);
    return file.array();
  }

  private InitialTensors open(byte[] content, String key) throws IOException {
    Files.write(directory.resolve("some.safetensors"), content);
    final Path spec = directory.resolve("spec.yaml");
    Files.writeString(spec, spec(key));
    return requireNonNull(InitialTensors.beside(spec, RunSpec.read(spec, List.of())));
  }

  private static String spec(String initialWeights) {
    return """
    run: initial
    rounds: 1
    tasks: [{name: one, loss: quadratic}]
    model: toy
    initial-weights: %s
    resolver: sum
    optimizer: {type: sgd, learning-rate: 0.1}
    """
        .formatted(initialWeights);
  }

  /** Seven weights, which are -1 before. */
  private static MemorySegment weights() {
    final MemorySegment weights = Arena.ofAuto().allocate(7 * Float.BYTES, Float.BYTES);
    for (int i = 0; i < 7; i++) {
      weights.setAtIndex(ValueType.FLOAT, i, -1);
    }
    return weights;
  }

  private List<Float> filled(byte[] content, String key) throws IOException {
    final MemorySegment weights = weights();
    open(content, key).fill(MODEL, weights);
    return weights.elements(ValueType.FLOAT).map(v -> v.get(ValueType.FLOAT, 0)).toList();
  }

  /** A state_dict of PyTorch has them; nothing depends on them. */
  @Test
  void countersOfBatchesAreLeftOut() throws IOException {
    final String counter =
        ",\"norm.num_batches_tracked\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[28,36]}";

    assertThat(
            filled(
                file(BODY + HEAD + counter, 36, InitialTensorsTest::counting), "some.safetensors"))
        .containsExactly(1f, 2f, 3f, 4f, 5f, 6f, 7f);
  }

  private void assertRefused(byte[] content, String key, String... parts) {
    assertThatThrownBy(() -> filled(content, key))
        .isInstanceOf(UserError.class)
        .hasMessageContainingAll(parts)
        .hasMessageStartingWith("initial-weights.")
        .message()
        .doesNotContain("\n");
  }

  @Test
  void takesEachTensorByItsName() throws IOException {
    final byte[] content = file(BODY + HEAD, 28, InitialTensorsTest::counting);

    assertThat(filled(content, "some.safetensors"))
        .containsExactly(1f, 2f, 3f, 4f, 5f, 6f, 7f)
        .isEqualTo(filled(content, "{file: some.safetensors}"));

    final var entry = open(content, "some.safetensors").entry();
    assertThat(entry.getName()).isEqualTo("some.safetensors");
    assertThat(entry.getBytes()).isEqualTo(content.length);
    assertThat(entry.getSha256()).isEqualTo(Digests.of(MemorySegment.ofArray(content)));
  }

  @Test
  void readsWhatExportWrites() throws IOException {
    final RunSpec spec = RunSpec.parse(spec("some.safetensors"), "test", List.of());
    final var manifest = Manifest.of(List.of("one"), MODEL, 2, 1, false);
    final MemorySegment values = weights();
    values.setAtIndex(ValueType.FLOAT, 3, 1.5f);
    final Path exported = directory.resolve("exported.safetensors");
    for (final ValueType type : List.of(ValueType.FLOAT32, ValueType.BFLOAT16)) {
      Safetensors.write(
          exported, RunDescription.of(spec, manifest), new Weights(1, values), type, "");

      assertThat(filled(Files.readAllBytes(exported), "some.safetensors"))
          .containsExactly(-1f, -1f, -1f, 1.5f, -1f, -1f, -1f);
    }
  }

  @Test
  void widensHalvesExactlyAndTakesDoublesThatAreFloats() throws IOException {
    final String header =
        """
        "body.weight":{"dtype":"F16","shape":[2,2],"data_offsets":[0,8]},\
        "body.bias":{"dtype":"BF16","shape":[2],"data_offsets":[8,12]},\
        "head":{"dtype":"F64","shape":[1],"data_offsets":[12,20]}""";
    final Consumer<ByteBuffer> halves =
        data ->
            data.putShort(Float.floatToFloat16(0.333f))
                .putShort((short) 1) // the smallest there is
                .putShort((short) 0x8000) // -0
                .putShort(Float.floatToFloat16(65504f))
                .putShort((short) 0x3eab)
                .putShort((short) 0xff7f);

    assertThat(filled(file(header, 20, halves.andThen(d -> d.putDouble(0.1f))), "some.safetensors"))
        .containsExactly(
            Float.float16ToFloat(Float.floatToFloat16(0.333f)),
            0x1p-24f,
            -0f,
            65504f,
            Float.intBitsToFloat(0x3eab0000),
            Float.intBitsToFloat(0xff7f0000),
            0.1f);
    assertRefused(
        file(header, 20, halves.andThen(d -> d.putDouble(0.1))),
        "some.safetensors",
        "value 0 of head is 0.1, which no float32 holds");
    assertRefused(
        file(header, 20, halves.andThen(d -> d.putDouble(Double.NaN))),
        "some.safetensors",
        "value 0 of head is NaN, no number to begin with");
    assertRefused(
        file(header.replace("F64", "I64"), 20, halves), "some.safetensors", "head has type I64");
  }

  @Test
  void saysWhatIsMissingAndWhatIsUnexpected() throws IOException {
    final byte[] other =
        file(
            BODY + HEAD.replace("head", "classifier").replace("[1]", "[]"),
            28,
            InitialTensorsTest::counting);

    assertRefused(
        other,
        "some.safetensors",
        "it has not: head",
        "the model has not: classifier",
        "strict: false");
    assertThat(filled(other, "{file: some.safetensors, strict: false}"))
        .containsExactly(1f, 2f, 3f, 4f, 5f, 6f, -1f);
    assertRefused(
        file(
            "\"else\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}",
            4,
            InitialTensorsTest::counting),
        "{file: some.safetensors, strict: false}",
        "it has not: body.weight, body.bias, head; the model has not: else");
    assertRefused(
        file(BODY.replace("[2,2]", "[4,1]") + HEAD, 28, InitialTensorsTest::counting),
        "some.safetensors",
        "body.weight has shape [4, 1], and the model's body.weight has [2, 2]");
  }

  @Test
  void renamesTensorsAndModules() throws IOException {
    final byte[] other =
        file(
            BODY.replace("body", "backbone.0") + HEAD.replace("head", "fc"),
            28,
            InitialTensorsTest::counting);

    assertThat(
            filled(
                other,
                "{file: some.safetensors, names: [{file: backbone.0, model: body}, {file: fc, model: head}]}"))
        .containsExactly(1f, 2f, 3f, 4f, 5f, 6f, 7f);
    assertRefused(
        other,
        "{file: some.safetensors, names: [{file: fx, model: head}]}",
        "initial-weights.names.0.file",
        "has no tensor fx",
        "did you mean fc?");
    assertRefused(
        other,
        "{file: some.safetensors, names: [{file: fc, model: backbone.0.bias}]}",
        "initial-weights.names: backbone.0.bias and fc of the file would both be backbone.0.bias");
  }

  private static Arguments damage(String what, byte[] content, String said) {
    return Arguments.of(what, content, said);
  }

  static Stream<Arguments> damages() {
    final byte[] whole = file(BODY + HEAD, 28, InitialTensorsTest::counting);
    final var longer = ByteBuffer.wrap(whole.clone()).order(ByteOrder.LITTLE_ENDIAN);
    longer.putLong(0, 2L << 30);
    final var negative = ByteBuffer.wrap(whole.clone()).order(ByteOrder.LITTLE_ENDIAN);
    negative.putLong(0, -1);
    return Stream.of(
        damage("nothing", new byte[0], "0 bytes and no header"),
        damage("a header of 2 GB", longer.array(), "2147483648 bytes"),
        damage("a header of -1 bytes", negative.array(), "18446744073709551615 bytes"),
        damage(
            "the end cut off", Arrays.copyOf(whole, whole.length - 1), "at bytes 24 to 28 of 27"),
        damage("the header cut off", Arrays.copyOf(whole, 20), "header is said to have"),
        damage("something behind", Arrays.copyOf(whole, whole.length + 4), "end at byte 28 of 32"),
        damage("no JSON", file("]", 0, d -> {}), "is no JSON"),
        damage(
            "a key twice",
            file(BODY + "," + BODY, 24, InitialTensorsTest::counting),
            "Duplicate field"),
        damage(
            "overlap",
            file(BODY.replace("[16,24]", "[12,20]"), 24, InitialTensorsTest::counting),
            "begins at byte 12"),
        damage(
            "a gap",
            file(BODY.replace("[16,24]", "[20,28]"), 28, InitialTensorsTest::counting),
            "begins at byte 20"),
        damage(
            "beyond the end",
            file(BODY.replace("[16,24]", "[16,2400]"), 24, InitialTensorsTest::counting),
            "2400 of 24"),
        damage(
            "turned round",
            file(BODY.replace("[16,24]", "[24,16]"), 24, InitialTensorsTest::counting),
            "data_offsets [24, 16]"),
        damage(
            "a negative offset",
            file(BODY.replace("[0,16]", "[-16,0]"), 24, InitialTensorsTest::counting),
            "no whole numbers in data_offsets"),
        damage(
            "a fraction",
            file(BODY.replace("[2,2]", "[2.5,2]"), 24, InitialTensorsTest::counting),
            "no whole numbers in shape"),
        damage(
            "another size",
            file(BODY.replace("[2,2]", "[2,3]"), 24, InitialTensorsTest::counting),
            "shape [2, 3]"),
        damage(
            "a size that overflows",
            file(
                BODY.replace("[2,2]", "[4611686018427387905,4]"), 24, InitialTensorsTest::counting),
            "4611686018427387905"),
        damage(
            "an unknown type",
            file(BODY.replace("F32", "F31"), 24, InitialTensorsTest::counting),
            "unknown type \"F31\""),
        damage("a tensor that is text", file("\"body\":\"text\"", 0, d -> {}), "tensor body"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("damages")
  void whatIsDamagedIsRefusedInOneLine(String what, byte[] content, String said) {
    assertRefused(content, "some.safetensors", "is no sound safetensors file", said);
  }

  @Test
  void aFileThatIsNotThereIsRefused() {
    assertThatThrownBy(() -> open(new byte[0], "none.safetensors"))
        .isInstanceOf(UserError.class)
        .hasMessageStartingWith("initial-weights.file: ")
        .hasMessageEndingWith("none.safetensors: no such file");
  }

  /** The limit holds where the file is as large as its header claims, too. */
  @Test
  void aHeaderOfGigabytesIsNotRead() throws IOException {
    final Path large = directory.resolve("some.safetensors");
    try (var file = new RandomAccessFile(large.toFile(), "rw")) {
      file.setLength(3L << 30); // takes no room
      file.write(
          ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).putLong(2L << 30).array());
    }
    final Path spec = directory.resolve("spec.yaml");
    Files.writeString(spec, spec("some.safetensors"));

    assertThatThrownBy(() -> InitialTensors.beside(spec, RunSpec.read(spec, List.of())))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("2147483648 bytes");
  }
}
