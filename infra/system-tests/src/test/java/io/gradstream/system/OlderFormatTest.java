package io.gradstream.system;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gradstream.audit.archive.ArchiveRunLog;
import io.gradstream.cli.CommandLineRun;
import io.gradstream.proto.UserError;
import io.gradstream.proto.message.RunRecord;
import io.gradstream.proto.run.RunDescription;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A log of revision 1 of the protocol, as the build before revision 2 wrote it: toy, 12 rounds,
 * three tasks, archived. It is evidence for as long as anybody keeps it.
 */
class OlderFormatTest {
  private static final Path ARCHIVE = Path.of("src/test/resources/archives/format-1");
  private static final String LAST_VERDICT =
      "a1a2ec7219d659a5f34b51a0923042a9ef09a6ce1f9a439ef2de25d5aab5c2e7";
  private static final String WEIGHTS =
      "3a95f41023c2032a18b0bb0d87ab2ca732fddc5d7e7c66f13488f24c6d3b5494";

  @TempDir Path directory;

  @Test
  void isAuditedToTheSameDigest() {
    final CommandLineRun audit = of("audit");

    assertThat(audit.exitCode()).as(audit.out() + audit.err()).isZero();
    assertThat(audit.out()).contains(LAST_VERDICT);
  }

  @Test
  void isRestored() {
    final CommandLineRun restored =
        of("restore", "--version", "12", "--out", directory.resolve("w.safetensors").toString());

    assertThat(restored.exitCode()).as(restored.err()).isZero();
    assertThat(restored.out()).contains(WEIGHTS);
  }

  @Test
  void isExplained() {
    final CommandLineRun explained = of("explain", "--round", "7");

    assertThat(explained.exitCode()).as(explained.err()).isZero();
    assertThat(explained.out()).contains("red", "green", "blue");
  }

  @Test
  void isReplayedByAnotherMethod() {
    final CommandLineRun replayed = of("replay", "--resolver", "pcgrad");

    assertThat(replayed.exitCode()).as(replayed.err()).isZero();
  }

  @Test
  void isNotTrainedFurther() {
    try (var log = ArchiveRunLog.open(ARCHIVE)) {
      assertThatThrownBy(log.run()::requireCurrent)
          .isInstanceOf(UserError.class)
          .hasMessageContaining("gradstream fork --run format-1");
    }
  }

  @Test
  void aNewerOneIsRefused() {
    final byte[] record =
        RunRecord.newBuilder().setFormat(RunDescription.FORMAT + 1).build().toByteArray();

    assertThatThrownBy(() -> RunDescription.read(record, "topic x.spec"))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("use a newer one");
  }

  private static CommandLineRun of(String command, String... options) {
    return CommandLineRun.of(
        Stream.concat(
                Stream.of(command, "--run", "format-1", "--archive", ARCHIVE.toString()),
                Stream.of(options))
            .toArray(String[]::new));
  }
}
