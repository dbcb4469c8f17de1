package io.gradstream.system;

import static org.assertj.core.api.Assertions.assertThat;

import io.gradstream.cli.CommandLineRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.xml.sax.SAXException;

/** What if: the recorded gradients through the same method, and through others. */
@ExtendWith(ArchivedRun.class)
class ReplayTest {
  private static final int ROUNDS = ArchivedRun.ROUNDS;

  /** One round of a replay, as its CSV has it. */
  private record Row(double cosine, double difference, boolean differs, int arbitrated) {
    static Row parse(String line) {
      final String[] cells = line.split(",", -1);
      return new Row(
          Double.parseDouble(cells[1]),
          Double.parseDouble(cells[3]),
          Boolean.parseBoolean(cells[4]),
          Integer.parseInt(cells[7]));
    }
  }

  @TempDir static Path directory;

  private static ArchivedRun.Recorded past;

  @BeforeAll
  static void find(ArchivedRun.Recorded recorded) {
    past = recorded;
  }

  @Test
  void theRecordedMethodGivesTheRecordedUpdates() throws IOException {
    assertThat(replay("gcond"))
        .hasSize(ROUNDS)
        .allSatisfy(
            round -> {
              assertThat(round.cosine()).isEqualTo(1);
              assertThat(round.difference()).isZero();
              assertThat(round.differs()).isFalse();
            });
  }

  @ParameterizedTest
  @ValueSource(strings = {"sum", "pcgrad"})
  void othersDecideOtherwiseWhereTheVerdictsSayConflict(String resolver) throws IOException {
    final List<Row> rounds = replay(resolver);

    assertThat(rounds).extracting(round -> round.arbitrated() > 0).contains(true, false);
    assertThat(rounds)
        .allSatisfy(round -> assertThat(round.differs()).isEqualTo(round.arbitrated() > 0));
    assertThat(rounds)
        .filteredOn(Row::differs)
        .allSatisfy(round -> assertThat(round.difference()).isPositive());
  }

  @Test
  void theTableAndThePictureTellOfAllRounds()
      throws IOException, ParserConfigurationException, SAXException {
    final Path plot = directory.resolve("plot.svg");

    final CommandLineRun replayed = command("sum", "--plot", plot.toString());

    assertThat(replayed.out()).contains("cosine", "norm ratio", "of " + ROUNDS + " rounds");
    final var picture =
        DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(plot.toFile());
    final var lines = picture.getElementsByTagName("polyline");
    assertThat(lines.getLength()).isEqualTo(2);
    assertThat(lines.item(0).getAttributes().getNamedItem("points").getNodeValue().split(" "))
        .hasSize(ROUNDS);
  }

  @ParameterizedTest
  @CsvSource({
    "gcond, resolver.thresholds=5, thresholds",
    "gcond, accumulation.micro-batches=6, accumulation.micro-batches was part",
    "sum, rounds=3, rounds was part",
    "gcont, seed=2, gcond"
  })
  void whatCannotBeReplayedIsRefusedInOneLine(String resolver, String assignment, String reason) {
    final CommandLineRun refused = command(resolver, "--set", assignment);

    assertThat(refused.exitCode()).isEqualTo(2);
    assertThat(refused.err()).contains(reason).hasLineCount(1);
  }

  private static List<Row> replay(String resolver) throws IOException {
    final Path csv = directory.resolve(resolver + ".csv");
    final CommandLineRun replayed = command(resolver, "--csv", csv.toString());
    assertThat(replayed.exitCode()).as(replayed.err()).isZero();
    return Files.readAllLines(csv).stream().skip(1).map(Row::parse).toList();
  }

  private static CommandLineRun command(String resolver, String... options) {
    return past.onArchive(
        "replay",
        Stream.concat(Stream.of("--resolver", resolver), Stream.of(options))
            .toArray(String[]::new));
  }
}
