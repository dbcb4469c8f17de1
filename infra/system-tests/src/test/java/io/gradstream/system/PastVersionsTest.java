package io.gradstream.system;

import static org.assertj.core.api.Assertions.assertThat;

import io.gradstream.cli.CommandLineRun;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.log.LogReader;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.record.Keys;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.WeightRecord;
import io.gradstream.proto.run.Run;
import io.gradstream.submission.weights.Weights;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What a run was at any of its versions can be had again, from its topics or an archive of them.
 */
@ExtendWith(ArchivedRun.class)
class PastVersionsTest {
  private static final int ROUNDS = ArchivedRun.ROUNDS;

  @TempDir static Path directory;

  private static ArchivedRun.Recorded past;

  @BeforeAll
  static void find(ArchivedRun.Recorded recorded) {
    past = recorded;
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 1, 7, 12, 18})
  void aRestoredVersionHasTheBitsOfTheWeightsTopic(long version) throws IOException {
    final String recorded = recorded(past.run().run(), version).sha256();

    final Path fromKafka = directory.resolve("kafka-" + version + ".safetensors");
    final Path fromArchive = directory.resolve("archive-" + version + ".safetensors");
    final CommandLineRun overKafka =
        past.onKafka("restore", "--version", "" + version, "--out", fromKafka.toString());
    final CommandLineRun overArchive =
        past.onArchive("restore", "--version", "" + version, "--out", fromArchive.toString());

    for (final CommandLineRun restored : List.of(overKafka, overArchive)) {
      assertThat(restored.exitCode()).as(restored.err()).isZero();
      assertThat(restored.out()).contains(recorded).contains("same bits");
    }
    assertThat(fromArchive).hasSameBinaryContentAs(fromKafka);
  }

  @Test
  void aVersionThatIsNotThereIsRefused() {
    final CommandLineRun restored = past.onArchive("restore", "--version", "19", "--out", "x");

    assertThat(restored.exitCode()).isEqualTo(2);
    assertThat(restored.err()).contains("--version: must be 0 to 18, found 19");
  }

  @Test
  void anArchiveOfAnotherRunIsRefused() {
    final CommandLineRun restored =
        CommandLineRun.of(
            "restore",
            "--run",
            "other",
            "--archive",
            past.archive().toString(),
            "--version",
            "1",
            "--out",
            "x");

    assertThat(restored.exitCode()).isEqualTo(2);
    assertThat(restored.err()).contains("holds run recorded, not other");
  }

  @Test
  void tablesTellWhoContributedWhatAndWhatCameOfIt() throws SQLException {
    final long records =
        ROUNDS
            * 3L
            * past.run().run().manifest().shards().stream()
                .mapToLong(
                    of ->
                        of.buffer()
                            ? past.run().run().manifest().learnersOf(of).size()
                            : of.shared() ? 2 : 1)
                .sum();

    assertThat(
            ask(
                "SELECT count(DISTINCT (round, task, slot, shard)) FROM '%s/contributions.parquet'"))
        .isEqualTo(records);
    assertThat(
            ask(
                "SELECT count(*) FROM '%1$s/rounds.parquet' r WHERE arbitrated ="
                    + " (SELECT count(*) FROM '%1$s/verdicts.parquet' v WHERE v.round = r.round)"))
        .isEqualTo(ROUNDS);
    // What a round says of a task is the mean over what its slots said.
    assertThat(
            ask(
                "SELECT count(*) FROM '%1$s/losses.parquet' l JOIN (SELECT round, task, avg(loss) AS"
                    + " mean FROM '%1$s/contributions.parquet' GROUP BY ALL) USING (round, task)"
                    + " WHERE abs(l.loss - mean) < 1e-9"))
        .isEqualTo(ROUNDS * 2);
  }

  private static long ask(String query) throws SQLException {
    try (var duckdb = DriverManager.getConnection("jdbc:duckdb:");
        var statement = duckdb.createStatement();
        var result = statement.executeQuery(query.formatted(past.archive().resolve("tables")))) {
      assertThat(result.next()).isTrue();
      return result.getLong(1);
    }
  }

  /** A version as the weights topic has it. */
  private static Weights recorded(Run run, long version) {
    final Manifest manifest = run.manifest();
    final MemorySegment values =
        Arena.ofAuto().allocate(manifest.size() * Float.BYTES, Float.BYTES);
    final var shards = new TreeMap<Integer, WeightRecord>();
    try (var log = new LogReader(run.connection(), "test")) {
      for (int partition = 0; partition < manifest.partitions(); partition++) {
        final var from = new TopicPartition(run.topics().weights(), partition);
        log.read(
            from,
            0,
            log.end(from),
            record -> {
              if (Arrays.equals(record.key(), Keys.seal())) {
                return;
              }
              try {
                final WeightRecord weights = WeightRecord.read(record.value(), manifest);
                if (weights.version() == version) {
                  shards.put(weights.shard().index(), weights);
                }
              } catch (MalformedRecordException e) {
                throw new IllegalStateException(e);
              }
            });
      }
    }
    assertThat(shards).hasSameSizeAs(manifest.shards());
    shards.values().forEach(shard -> shard.copyTo(values, Kernels.best()));
    return new Weights(version, values);
  }
}
