package io.gradstream.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gradstream.proto.UserError;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.TensorShape;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.topic.Connection;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DiskSpaceTest {
  private static final long ROUNDS = 1_000_000_000_000L;

  @TempDir Path directory;

  @BeforeEach
  void aBrokerWroteHere() throws IOException {
    Files.createDirectories(RunDirectory.of("r", directory).kafka());
  }

  /** Two tasks of three slots and one update: seven vectors of a thousand values. */
  @Test
  void aRoundTakesAVectorForEachSlotAndOneForTheUpdate() {
    assertThat(DiskSpace.bytesOfRound(run().description())).isEqualTo(7 * 1000 * 4);
    assertThat(DiskSpace.bytesOfRound(run("transport.value-type=bfloat16").description()))
        .isEqualTo(7 * 1000 * 2);
  }

  @Test
  void roundsThatTheDiskCannotHoldAreRefusedBeforeTheFirst() {
    assertThatThrownBy(() -> disk(run()).requireRoomFor(ROUNDS))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("28.0 KB a round")
        .hasMessageContaining("are free in " + directory)
        .hasMessageContaining("transport.retention-hours");
  }

  @Test
  void roundsThatFitOrAreDeletedMeanwhileAreNot() {
    assertThatCode(() -> disk(run()).requireRoomFor(10)).doesNotThrowAnyException();
    assertThatCode(() -> disk(run("transport.retention-hours=1")).requireRoomFor(ROUNDS))
        .doesNotThrowAnyException();
  }

  /** Kafka dies of a full disk; the training ends before, and can go on when there is room. */
  @Test
  void aDiskThatFillsUpEndsTheTrainingBeforeItIsFull() {
    final var free = new AtomicLong(1L << 30);
    final var disk =
        new DiskSpace(run(), RunDirectory.of("r", directory).kafka(), free::get, Duration.ZERO);
    disk.check();

    free.set(255L << 20);

    assertThatThrownBy(disk::check)
        .isInstanceOf(UserError.class)
        .hasMessageContaining("the disk is full but for 267 MB")
        .hasMessageContaining("make room and give the same command again, and it goes on");
  }

  private DiskSpace disk(Run run) {
    return new DiskSpace(run, RunDirectory.of("r", directory));
  }

  private static Run run(String... overrides) {
    final var spec =
        RunSpec.parse(
            """
            run: r
            rounds: 10
            tasks:
              - {name: first, loss: quadratic}
              - {name: second, loss: quadratic}
            accumulation: {mode: sequential, micro-batches: 3}
            model: toy
            resolver: sum
            optimizer: {type: sgd, learning-rate: 0.1}
            """,
            "test",
            List.of(overrides));
    final var manifest =
        Manifest.of(
            List.of("first", "second"),
            List.of(new TensorShape("shared", new long[] {1000}, TensorShape.SHARED)),
            245_760,
            1);
    return new Run(RunDescription.of(spec, manifest), Connection.to("b:1"));
  }
}
