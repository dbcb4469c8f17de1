package io.gradstream.system;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.gradstream.cli.CommandLineRun;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Isolated;

/** The campaign itself: with processes that are really killed. They get the machine alone. */
@Isolated
class ChaosTest {
  /** What a campaign that failed leaves behind is what tells why. */
  @TempDir(cleanup = CleanupMode.ON_SUCCESS)
  Path directory;

  @Test
  void aShortCampaignChangesNoBitAndLeavesNoProcess() throws IOException {
    // Those of brokers and clocks take long; they are in the campaigns below.
    final JsonNode report =
        campaign(
            "../runs/toy.yaml",
            "0.2",
            "40",
            "1",
            "--faults",
            "kill,pause,duplicate,bad-record,hostile-records");

    assertThat(report.get("faults_total").asInt()).isPositive();
    assertThat(ProcessHandle.current().children().filter(ProcessHandle::isAlive)).isEmpty();
  }

  /** Run with {@code mvn verify -Pchaos}. */
  @Test
  @Tag("chaos")
  void twoHundredFaultsChangeNoBitOfToy() throws IOException {
    final JsonNode report = campaign("../runs/toy.yaml", "20", "500", "1");

    assertThat(report.get("faults_total").asInt()).isGreaterThanOrEqualTo(200);
  }

  /** Run with {@code mvn verify -Pchaos}. */
  @Test
  @Tag("chaos")
  void threeBrokersMayLoseOneOfThemAtATime() throws IOException {
    final JsonNode report = campaign("../runs/toy.yaml", "5", "300", "3");

    assertThat(report.get("faults").has("kill-broker")).isTrue();
  }

  /** Run with {@code mvn verify -Pchaos}. */
  @Test
  @Tag("chaos")
  void thirtyFaultsChangeNoBitOfDigits() throws IOException {
    final JsonNode report = campaign("../runs/digits-mae.yaml", "6", "200", "1");

    assertThat(report.get("faults_total").asInt()).isGreaterThanOrEqualTo(30);
  }

  /** Run with {@code mvn verify -Pchaos}; needs libfaketime. */
  @Test
  @Tag("chaos")
  void aClockThatIsSetBackAndABrokerThatRestartsThenChangeNoBit() throws IOException {
    final JsonNode report = campaign("../runs/toy.yaml", "3", "200", "1", "--faults", "clock-step");

    assertThat(report.get("faults").has("clock-step-arbitrator")).isTrue();
  }

  @Test
  void aKindOfFaultThatDoesNotExistIsNamed() {
    final var run = CommandLineRun.of("chaos", "../runs/toy.yaml", "--faults", "kill,klil");

    assertThat(run.exitCode()).isEqualTo(2);
    assertThat(run.err()).contains("--faults: no klil here; there are [kill, pause");
  }

  private JsonNode campaign(
      String spec, String minutes, String rounds, String brokers, String... more)
      throws IOException {
    final List<String> arguments =
        new ArrayList<>(
            List.of(
                "chaos",
                spec,
                "--minutes",
                minutes,
                "--rounds",
                rounds,
                "--brokers",
                brokers,
                "--seed",
                "1",
                "--data-dir",
                directory.toString(),
                "--json"));
    arguments.addAll(List.of(more));
    final var run = CommandLineRun.of(arguments.toArray(String[]::new));
    assertThat(run.exitCode()).as(run.err()).isZero();
    final JsonNode report = new ObjectMapper().readTree(run.outLines().getLast());
    assertThat(report.get("agrees").asBoolean()).isTrue();
    return report;
  }
}
