package io.gradstream.proto.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.gradstream.proto.UserError;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.log.LogCursor;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.log.RunLog;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.TensorShape;
import io.gradstream.proto.message.FileChunk;
import io.gradstream.proto.message.RunRecord;
import io.gradstream.proto.spec.RunSpec;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Random;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class RunFilesTest {
  private static final ByteString FILE = content(RunFiles.CHUNK + 1234);
  private static final long LIMIT = 1 << 24;

  private static ByteString content(int bytes) {
    final byte[] values = new byte[bytes];
    new Random(1).nextBytes(values);
    return ByteString.copyFrom(values);
  }

  @Test
  void aFileComesBackFromItsChunks() {
    final List<byte[]> chunks = RunFiles.chunks(FILE);
    assertThat(chunks).hasSize(2).allMatch(RunFiles::isChunk);
    assertThat(chunks).noneMatch(RunDescription::isRunRecord);
    assertThat(RunFiles.read(log(chunks), "net.onnx", LIMIT)).isEqualTo(FILE);
  }

  /** What anybody writes to the topic afterwards, or a submission wrote twice, changes nothing. */
  @Test
  void otherRecordsDoNotDisturb() {
    final List<byte[]> chunks = new ArrayList<>(RunFiles.chunks(content(10)));
    chunks.addAll(RunFiles.chunks(FILE));
    chunks.addAll(RunFiles.chunks(FILE));
    chunks.add(new byte[] {1, 2, 3});
    chunks.add(
        FileChunk.newBuilder()
            .setFile(Digests.of(FILE))
            .setContent(ByteString.copyFrom(new byte[RunFiles.CHUNK]))
            .build()
            .toByteArray());
    for (final long offset : new long[] {-1, 1, RunFiles.CHUNK, 1L << 40}) {
      chunks.add(
          FileChunk.newBuilder()
              .setFile(Digests.of(FILE))
              .setOffset(offset)
              .setContent(ByteString.copyFromUtf8("forged"))
              .build()
              .toByteArray());
    }
    assertThat(RunFiles.read(log(chunks), "net.onnx", LIMIT)).isEqualTo(FILE);
  }

  @Test
  void aFileThatIsNotTheRecordsIsRefused() {
    final List<byte[]> chunks = RunFiles.chunks(FILE);
    refused(log(chunks.subList(0, 1)), "net.onnx", LIMIT, "has not all of net.onnx");
    final byte[] forged =
        FileChunk.newBuilder()
            .setFile(Digests.of(FILE))
            .setContent(content(RunFiles.CHUNK))
            .build()
            .toByteArray();
    final byte[] other = forged.clone();
    other[other.length - 1]++;
    refused(log(List.of(other, chunks.get(1))), "net.onnx", LIMIT, "SHA-256");
    refused(log(chunks), "net.onnx", RunFiles.CHUNK, "max-file-mb");
    refused(log(chunks), "other.onnx", LIMIT, "no file other.onnx");
  }

  private static void refused(RunLog log, String name, long limit, String said) {
    assertThatThrownBy(() -> RunFiles.read(log, name, limit))
        .isInstanceOf(UserError.class)
        .hasMessageContaining(said);
  }

  private static RunLog log(List<byte[]> records) {
    final RunSpec spec =
        RunSpec.parse(
            "{run: r, rounds: 1, tasks: [{name: a, loss: given}], model: toy, resolver: sum, optimizer: sgd}",
            "test",
            List.of());
    final Manifest manifest =
        Manifest.of(
            List.of("a"),
            List.of(new TensorShape("w", new long[] {1}, TensorShape.SHARED)),
            100,
            1,
            false);
    final RunDescription run =
        RunDescription.of(
            spec,
            manifest,
            RunRecord.newBuilder().addFiles(RunFiles.entry("net.onnx", FILE)).build());
    return new Records(run, records);
  }

  /** A log that has the spec topic alone. */
  private record Records(RunDescription run, List<byte[]> values) implements RunLog {
    @Override
    public int partitions(String topic) {
      return 1;
    }

    @Override
    public long start(TopicPartition partition) {
      return 0;
    }

    @Override
    public long end(TopicPartition partition) {
      return values.size();
    }

    @Override
    public LogCursor read(TopicPartition partition, long from) {
      assertThat(partition.topic()).isEqualTo("r.spec");
      final Iterator<byte[]> rest = values.iterator();
      return new LogCursor() {
        @Override
        public @Nullable LogRecord next() {
          return rest.hasNext() ? new LogRecord(partition, 0, 0, null, rest.next()) : null;
        }

        @Override
        public void close() {}
      };
    }

    @Override
    public void close() {}
  }
}
