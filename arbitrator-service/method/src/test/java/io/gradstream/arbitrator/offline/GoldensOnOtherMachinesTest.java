package io.gradstream.arbitrator.offline;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * Every method answers with the same bits where the JVM has no machine code of its own for sine,
 * exponential and logarithm. With it, {@link Math} may give another last digit on every kind of
 * processor.
 */
class GoldensOnOtherMachinesTest {

  @Test
  void everyMethodGivesTheSameBitsWithoutThePlatformsMathematics() throws Exception {
    var here = new ArrayList<String>();
    for (String method : GoldenFiles.METHODS) {
      here.add(GoldenDigest.line(method));
    }

    assertThat(run("-XX:+UnlockDiagnosticVMOptions", "-XX:-UseLibmIntrinsic"))
        .containsExactlyElementsOf(here);
  }

  private static List<String> run(String... options) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of(options));
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    command.add(GoldenDigest.class.getName());
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(output).isZero();
    return output.lines().toList();
  }
}
