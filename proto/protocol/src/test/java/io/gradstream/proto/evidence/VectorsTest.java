package io.gradstream.proto.evidence;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.protobuf.ByteString;
import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import io.gradstream.proto.kernels.Bfloat16;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.manifest.TensorShape;
import io.gradstream.proto.message.GradientShard;
import io.gradstream.proto.message.Metric;
import io.gradstream.proto.message.Order;
import io.gradstream.proto.message.RunRecord;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.message.UpdateShard;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.message.WeightSeal;
import io.gradstream.proto.message.WeightShard;
import io.gradstream.proto.record.Keys;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.run.RoundOrders;
import io.gradstream.proto.spec.RunSpec;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.spec.X509EncodedKeySpec;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;

/**
 * The vectors by which other implementations try themselves hold for this one. They were written by
 * {@code make_vectors.py} beside them from docs/protocol.md alone, so each side checks the other.
 */
class VectorsTest {
  private static final Path VECTORS = Path.of("src/test/resources/vectors");
  private static final HexFormat HEX = HexFormat.of();

  /** What stands before the 32 bytes of an Ed25519 key in X.509. */
  private static final String X509 = "302a300506032b6570032100";

  private static JsonNode read(String name) throws IOException {
    return new ObjectMapper().readTree(Files.readString(VECTORS.resolve(name)));
  }

  private static JsonNode record(String name) throws IOException {
    return StreamSupport.stream(read("records.json").spliterator(), false)
        .filter(each -> each.get("name").asText().equals(name))
        .findFirst()
        .orElseThrow();
  }

  private static byte[] bytes(JsonNode node, String field) {
    return HEX.parseHex(node.get(field).asText());
  }

  private static String hex(ByteString bytes) {
    return HEX.formatHex(bytes.toByteArray());
  }

  @Test
  void theManifestIsCutPlacedAndHashedAlike() throws IOException {
    isAlike(read("manifest.json"));
    isAlike(read("buffers.json"));
  }

  private static void isAlike(JsonNode vector) {
    final List<TensorShape> shapes = new ArrayList<>();
    for (final JsonNode tensor : vector.get("tensors")) {
      final long[] shape =
          StreamSupport.stream(tensor.get("shape").spliterator(), false)
              .mapToLong(JsonNode::asLong)
              .toArray();
      shapes.add(
          new TensorShape(
              tensor.get("name").asText(),
              shape,
              tensor.get("owner").asInt(),
              tasks(tensor.path("learns_from"))));
    }
    final Manifest manifest =
        Manifest.of(
            List.of("l1", "ssim"),
            shapes,
            vector.get("shard_values").asInt(),
            vector.get("partitions").asInt());

    assertThat(HEX.formatHex(manifest.toRecord().toByteArray()))
        .isEqualTo(vector.get("record").asText());
    assertThat("%016x".formatted(manifest.hash())).isEqualTo(vector.get("hash").asText());
    assertThat(manifest.shards()).hasSize(vector.get("shards").size());
    for (final Shard shard : manifest.shards()) {
      final JsonNode expected = vector.get("shards").get(shard.index());
      assertThat(shard.offset()).isEqualTo(expected.get("offset").asLong());
      assertThat(shard.length()).isEqualTo(expected.get("length").asInt());
      assertThat(shard.owner()).isEqualTo(expected.get("owner").asInt());
      assertThat(shard.partition()).isEqualTo(expected.get("partition").asInt());
      assertThat(manifest.learnersOf(shard)).isEqualTo(tasks(expected.path("learns_from")));
    }
  }

  private static List<Integer> tasks(JsonNode numbers) {
    return StreamSupport.stream(numbers.spliterator(), false).map(JsonNode::asInt).toList();
  }

  @Test
  void recordsAreWrittenAlike() throws Exception {
    for (final JsonNode vector : read("records.json")) {
      if (vector.has("record")) {
        final byte[] record = bytes(vector, "record");
        assertThat(rewritten(vector.get("message").asText(), record))
            .as(vector.get("name").asText())
            .isEqualTo(record);
      }
    }
  }

  private static byte[] rewritten(String message, byte[] record) throws Exception {
    return switch (message) {
      case "RunRecord" -> Digests.canonical(RunRecord.parseFrom(record));
      case "Order" -> Digests.canonical(Order.parseFrom(record));
      case "Verdict" -> Digests.canonical(Verdict.parseFrom(record));
      case "WeightSeal" -> Digests.canonical(WeightSeal.parseFrom(record));
      case "Metric" -> Digests.canonical(Metric.parseFrom(record));
      case "GradientShard" -> withValues(record, GradientShard.parser());
      case "UpdateShard" -> withValues(record, UpdateShard.parser());
      case "WeightShard" -> withValues(record, WeightShard.parser());
      default -> throw new IllegalArgumentException(message);
    };
  }

  private static <H extends MessageLite> byte[] withValues(byte[] record, Parser<H> parser)
      throws MalformedRecordException {
    final ValuesRecord<H> read = ValuesRecord.read(record, parser);
    final int bytes = (int) read.values().byteSize();
    final byte[] again = ValuesRecord.allocate(read.header(), bytes);
    ValuesRecord.valuesOf(again, bytes).copyFrom(read.values());
    return again;
  }

  @Test
  void everyFieldOfARecordIsKnown() throws Exception {
    assertThat(RunRecord.parseFrom(bytes(record("run"), "record")).getUnknownFields().asMap())
        .isEmpty();
    assertThat(Order.parseFrom(bytes(record("order"), "record")).getUnknownFields().asMap())
        .isEmpty();
    assertThat(gradient("gradient of l1").header().getUnknownFields().asMap()).isEmpty();
    assertThat(Verdict.parseFrom(bytes(record("verdict"), "record")).getUnknownFields().asMap())
        .isEmpty();
    assertThat(seal("seal").getUnknownFields().asMap()).isEmpty();
    assertThat(validation("first validation").getUnknownFields().asMap()).isEmpty();
    assertThat(validation("first validation").getValidation().getUnknownFields().asMap()).isEmpty();
  }

  private static WeightSeal seal(String name) throws IOException {
    return WeightSeal.parseFrom(bytes(record(name), "record"));
  }

  private static Metric validation(String name) throws IOException {
    return Metric.parseFrom(bytes(record(name), "record"));
  }

  private static ValuesRecord<GradientShard> gradient(String name) throws Exception {
    return ValuesRecord.read(bytes(record(name), "record"), GradientShard.parser());
  }

  @Test
  void digestsAreTakenAlike() throws Exception {
    final ByteString run = Digests.of(ByteString.copyFrom(bytes(record("run"), "record")));
    assertThat(hex(run)).isEqualTo(record("run").get("digest").asText());

    for (final String name :
        List.of("gradient of l1", "gradient of known samples", "signed gradient of ssim")) {
      final ValuesRecord<GradientShard> read = gradient(name);
      final JsonNode vector = record(name);
      assertThat(hex(Digests.of(run, vector.get("task").asText(), read.header(), read.values())))
          .isEqualTo(vector.get("digest").asText())
          .isEqualTo(hex(read.header().getDigest()));
    }

    final ByteString verdict = Digests.of(Verdict.parseFrom(bytes(record("verdict"), "record")));
    assertThat(hex(verdict)).isEqualTo(record("verdict").get("digest").asText());

    final var update = ValuesRecord.read(bytes(record("update"), "record"), UpdateShard.parser());
    assertThat(update.header().getVerdict()).isEqualTo(verdict);
    assertThat(hex(Digests.of(update.header(), update.values())))
        .isEqualTo(record("update").get("digest").asText());

    final var weights = ValuesRecord.read(bytes(record("weights"), "record"), WeightShard.parser());
    assertThat(hex(weights.header().getUpdate()))
        .isEqualTo(record("update").get("digest").asText());
    assertThat(hex(Digests.of(weights.header(), weights.values())))
        .isEqualTo(record("weights").get("digest").asText());
  }

  @Test
  void contributionsAreDigestedAlike() throws IOException {
    final JsonNode vector = record("contributions");
    final var digest = new ContributionsDigest();
    for (final JsonNode shard : vector.get("shards")) {
      final List<ShardStatistics.Contribution> contributions = new ArrayList<>();
      for (final JsonNode each : shard.get("contributions")) {
        contributions.add(ShardStatistics.Contribution.parseFrom(HEX.parseHex(each.asText())));
      }
      digest.add(
          new Shard(
              shard.get("shard").asInt(), 0, 1, -1, shard.get("partition").asInt(), 0, 0, false),
          shard.get("offset").asLong(),
          contributions);
    }
    final String expected = vector.get("digest").asText();
    assertThat(hex(digest.end())).isEqualTo(expected);
    assertThat(hex(Verdict.parseFrom(bytes(record("verdict"), "record")).getContributions()))
        .isEqualTo(expected);
  }

  @Test
  void sealsBindARunsVersionAlike() throws Exception {
    final ByteString run = ByteString.copyFrom(bytes(record("run"), "digest"));
    final var weights = ValuesRecord.read(bytes(record("weights"), "record"), WeightShard.parser());
    for (final String name : List.of("seal", "signed seal")) {
      final WeightSeal seal = seal(name);
      assertThat(hex(Digests.of(run, seal)))
          .isEqualTo(record(name).get("digest").asText())
          .isEqualTo(hex(seal.getDigest()));
      assertThat(seal.getVersion()).isEqualTo(weights.header().getVersion());
      assertThat(hex(seal.getVerdict())).isEqualTo(record("verdict").get("digest").asText());
      assertThat(seal.getShardsList())
          .singleElement()
          .satisfies(
              shard -> {
                assertThat(shard.getShard()).isEqualTo(weights.header().getShard());
                assertThat(shard.getUpdate()).isEqualTo(weights.header().getUpdate());
                assertThat(shard.getWeights()).isEqualTo(weights.header().getDigest());
              });
    }
  }

  @Test
  void validationLossesAreChainedAlike() throws Exception {
    final ByteString run = ByteString.copyFrom(bytes(record("run"), "digest"));
    ByteString before = ByteString.EMPTY;
    for (final String name : List.of("first validation", "signed second validation")) {
      final Metric metric = validation(name);
      assertThat(hex(Digests.of(run, metric)))
          .isEqualTo(record(name).get("digest").asText())
          .isEqualTo(hex(metric.getDigest()));
      assertThat(metric.getValidation().getPrevious()).isEqualTo(before);
      final byte[] flat = bytes(record(name), "flat");
      assertThat(metric.getValidation().getWeights())
          .isEqualTo(Digests.of(MemorySegment.ofArray(flat)));
      assertThat(metric.getValidation().getLossesMap()).containsOnlyKeys("l1", "ssim");
      before = metric.getDigest();
    }
  }

  @Test
  void sealsAndLossesAreSignedAlike() throws Exception {
    final PublicKey key = key(record("signed seal").get("public_key").asText());
    final WeightSeal seal = seal("signed seal");
    final Metric losses = validation("signed second validation");

    assertThat(Signers.isBy(key, seal.getDigest(), seal.getSignature())).isTrue();
    assertThat(Signers.isBy(key, losses.getDigest(), losses.getSignature())).isTrue();
    assertThat(Signers.isBy(key, losses.getDigest(), seal.getSignature())).isFalse();
  }

  @Test
  void theSignatureIsThatOfTheKey() throws Exception {
    final JsonNode vector = record("signed gradient of ssim");
    final PublicKey key = key(vector.get("public_key").asText());
    final GradientShard header = gradient("signed gradient of ssim").header();

    assertThat(Signers.isBy(key, header.getDigest(), header.getSignature())).isTrue();
    assertThat(Signers.isBy(key, Digests.UNKNOWN, header.getSignature())).isFalse();
  }

  private static PublicKey key(String raw) throws GeneralSecurityException {
    return KeyFactory.getInstance("Ed25519")
        .generatePublic(new X509EncodedKeySpec(HEX.parseHex(X509 + raw)));
  }

  @Test
  void slotsReadTheirMicroBatches() throws IOException {
    for (final JsonNode vector : read("slots.json")) {
      final List<String> tasks = new ArrayList<>();
      for (int task = 0; task < vector.get("tasks").asInt(); task++) {
        tasks.add("{name: t%d, loss: any}".formatted(task));
      }
      final RunSpec spec =
          RunSpec.parse(
              """
              run: slots
              rounds: 1000
              tasks: %s
              accumulation: {mode: %s, micro-batches: %d}
              model: any
              resolver: any
              optimizer: any
              """
                  .formatted(
                      tasks, vector.get("mode").asText(), vector.get("micro_batches").asInt()),
              "a vector",
              List.of());
      final Order order =
          new RoundOrders(spec)
              .of(
                  vector.get("round").asLong(),
                  vector.get("task").asInt(),
                  vector.get("slot").asInt(),
                  0);
      assertThat(order.getMicroBatch()).isEqualTo(vector.get("micro_batch").asLong());
    }
  }

  @Test
  void unequalTasksReadTheSameBatches() throws IOException {
    for (final JsonNode vector : read("unequal.json")) {
      final List<String> tasks = new ArrayList<>();
      for (int task = 0; task < vector.get("slots").size(); task++) {
        tasks.add(
            "{name: t%d, loss: any, micro-batches: %d, batch-size: %d, data: %s}"
                .formatted(
                    task,
                    vector.get("slots").get(task).asInt(),
                    vector.get("sizes").get(task).asInt(),
                    vector.get("data").get(task).asText()));
      }
      final RunSpec spec =
          RunSpec.parse(
              """
              run: unequal
              rounds: 1000
              tasks: %s
              accumulation: {mode: %s}
              model: any
              resolver: any
              optimizer: any
              """
                  .formatted(tasks, vector.get("mode").asText()),
              "a vector",
              List.of());
      final var orders = new RoundOrders(spec);
      for (final JsonNode batch : vector.get("batches")) {
        final int task = batch.get("task").asInt();
        final Order order =
            orders.of(batch.get("round").asLong(), task, batch.get("slot").asInt(), 0);
        assertThat(order.getMicroBatch()).isEqualTo(batch.get("micro_batch").asLong());
        assertThat(order.getBatchSize()).isEqualTo(vector.get("sizes").get(task).asInt());
        assertThat(spec.batches().firstSample(task, order.getMicroBatch()))
            .isEqualTo(batch.get("first").asLong());
      }
    }
  }

  @Test
  void recordsHaveTheirKeys() throws IOException {
    for (final JsonNode vector : read("keys.json")) {
      final long number = vector.get("number").asLong();
      final byte[] key =
          vector.get("of").asText().equals("round") ? Keys.round(number) : Keys.shard((int) number);
      assertThat(HEX.formatHex(key)).isEqualTo(vector.get("key").asText());
    }
  }

  @Test
  void bfloat16IsRoundedToTheNearestEvenNumber() throws IOException {
    for (final JsonNode vector : read("bfloat16.json")) {
      final float value =
          Float.intBitsToFloat(HexFormat.fromHexDigits(vector.get("float32").asText()));
      assertThat(HEX.toHexDigits(Bfloat16.fromFloat(value)))
          .isEqualTo(vector.get("bfloat16").asText());
    }
  }
}
