package io.gradstream.proto.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gradstream.proto.UserError;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The same bits from JVMs with other register widths and without the Vector API. */
class KernelsOnOtherMachinesTest {
  private static final String MODULE = "--add-modules=jdk.incubator.vector";

  @Test
  void everyRegisterWidthAndPlainJavaGiveTheSameBits() throws Exception {
    String narrow = run(MODULE, "-XX:MaxVectorSize=16");
    String middle = run(MODULE, "-XX:MaxVectorSize=32");
    String widest = run(MODULE);
    String plain = run();
    String forced = run(MODULE, "-Dgradstream.kernels=scalar");
    assertThat(narrow).startsWith("vector-128 ");
    assertThat(widest).startsWith("vector-");
    assertThat(plain).startsWith("scalar ");
    assertThat(forced).startsWith("scalar ");
    assertThat(List.of(digest(narrow), digest(middle), digest(widest), digest(forced)))
        .containsOnly(digest(plain));
  }

  @Test
  void unknownOrUnavailableKernelsAreTheUsersMistake() {
    assertThatThrownBy(() -> KernelChoice.check("simd", true))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("say scalar or vector");
    assertThatThrownBy(() -> KernelChoice.check("vector", false))
        .isInstanceOf(UserError.class)
        .hasMessageContaining(MODULE);
  }

  private static String digest(String line) {
    return line.substring(line.indexOf(' ') + 1);
  }

  private static String run(String... options) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of(options));
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    command.add(KernelDigest.class.getName());
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    String output =
        new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    assertThat(process.waitFor()).as(output).isZero();
    return output.lines().reduce("", (before, line) -> line);
  }
}
