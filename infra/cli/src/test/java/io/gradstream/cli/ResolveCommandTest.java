package io.gradstream.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.gradstream.arbitrator.offline.CaseRunner;
import io.gradstream.arbitrator.offline.GradientCase;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class ResolveCommandTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Path GOLDENS =
      Path.of("..", "..", "arbitrator-service", "method", "src", "test", "resources", "goldens");

  @TempDir Path directory;

  static List<Path> goldens() throws IOException {
    try (Stream<Path> files = Files.list(GOLDENS)) {
      return files.sorted().toList();
    }
  }

  @Test
  void thereAreGoldensOfEveryMethod() throws IOException {
    assertThat(goldens()).hasSize(37);
  }

  /** The answers themselves are held to the goldens where they are computed, in the arbitrator. */
  @ParameterizedTest
  @MethodSource("goldens")
  void printsTheAnswerOfEveryGoldenCase(Path golden) throws IOException {
    JsonNode printed = JSON.readTree(output("resolve", golden.toString(), "--json"));

    JsonNode cases = JSON.readTree(golden.toFile()).get("cases");
    assertThat(printed.get("cases")).hasSameSizeAs(cases);
    for (int i = 0; i < cases.size(); i++) {
      var one = GradientCase.of(JSON.convertValue(cases.get(i), new TypeReference<>() {}));
      JsonNode answer = printed.get("cases").get(i);
      assertThat(answer.get("id")).isEqualTo(cases.get(i).get("id"));
      assertThat(answer.get("steps"))
          .isEqualTo(JSON.readTree(JSON.writeValueAsString(CaseRunner.run(one))));
    }
  }

  @Test
  void showsATableOfOnesOwnGradients() throws IOException {
    Path file =
        Files.writeString(
            directory.resolve("mine.json"),
            """
            {"cases": [{"id": "mine", "method": "gcond", "params": {"projection": "hard"},
              "steps": [{"gradients": [[3, -1], [-1, 1]]}]}]}
            """);

    String table = output("resolve", file.toString());

    assertThat(table).contains("mine: gcond").contains("weights").contains("zones");
  }

  @Test
  void brokenJsonIsTheUsersMistakeWithItsLine() throws IOException {
    Path file = Files.writeString(directory.resolve("broken.json"), "{\n\"cases\": [,]}");
    var err = new StringWriter();

    int code =
        Main.run(
            new PrintWriter(new StringWriter()), new PrintWriter(err), "resolve", file.toString());

    assertThat(code).isEqualTo(2);
    assertThat(err.toString()).contains("broken.json:2: not JSON");
    assertThat(err.toString().lines()).hasSize(1);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          []             | must hold one JSON object with a list "cases"
          null           | must hold one JSON object with a list "cases"
          {              | 1: not JSON: the file ends too early
          {"cases": NaN} | 1: not JSON: column
          """)
  void whatIsNoCaseFileIsSaidWithoutTheParsersAdvice(String text, String message)
      throws IOException {
    Path file = Files.writeString(directory.resolve("odd.json"), text);
    var err = new StringWriter();

    int code =
        Main.run(
            new PrintWriter(new StringWriter()), new PrintWriter(err), "resolve", file.toString());

    assertThat(code).isEqualTo(2);
    assertThat(err.toString()).contains(message).doesNotContain("Json", "java", "Source");
  }

  /** What is wrong is said in one line, in the file's own words. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
          gcond | [[1,0],[0,1],[1,1]] | [[1,0],[0,1]] | step 1: has gradients of 2 tasks, step 0 of 3
          sum   | [[1,2],[2,1]] | [[1,2,3],[2,1,3]] | step 1: has gradients of 3 values, step 0 of 2
          sum   | [[],[]] | [[],[]] | step 0: 'gradients' has a row without values
          sum   | [[NaN,1]] | [[1,1]] | step 0: 'gradients' must hold finite numbers, not NaN
          dwa   | [[1,0],[0,1]] | [[1,0],[0,1]] | step 0: the method looks at the losses, and there are none
          krum  | [[1,0],[0,1]] | [[1,0],[0,1]] | byzantine: with 0 wrong gradients krum needs 3 tasks or more, there are 2
          """)
  void inputThatDoesNotFitIsNamed(String method, String first, String second, String expected)
      throws IOException {
    String steps = "{\"gradients\":%s},{\"gradients\":%s}".formatted(first, second);
    Path file =
        Files.writeString(
            directory.resolve("odd.json"),
            "{\"cases\":[{\"id\":\"odd\",\"method\":\"%s\",\"steps\":[%s]}]}"
                .formatted(method, steps.replace("NaN", "\"NaN\"")));
    var err = new StringWriter();

    int code =
        Main.run(
            new PrintWriter(new StringWriter()), new PrintWriter(err), "resolve", file.toString());

    assertThat(code).isEqualTo(2);
    assertThat(err.toString()).contains("case odd: " + expected);
    assertThat(err.toString().lines()).hasSize(1);
  }

  @Test
  void methodsAreFoundByTheirLibrariesNamesToo() throws IOException {
    Path file =
        Files.writeString(
            directory.resolve("names.json"),
            """
            {"cases": [{"id": "mine", "method": "imtl_g", "steps": [{"gradients": [[3, -1], [-1, 1]]}]}]}
            """);

    assertThat(output("resolve", file.toString())).contains("weights");
  }

  private static String output(String... arguments) {
    var out = new StringWriter();
    var err = new StringWriter();
    int code = Main.run(new PrintWriter(out), new PrintWriter(err), arguments);
    assertThat(code).as(err.toString()).isZero();
    return out.toString();
  }
}
