package io.gradstream.system;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The launcher, on a checkout that is built. */
class LauncherTest {
  @TempDir Path directory;

  /** cron, systemd and containers have no locale; the JVM would then know ASCII paths alone. */
  @Test
  void pathsBeyondAsciiCanBeNamedWithoutALocale() throws Exception {
    assumeTrue(
        "UTF-8".equals(System.getProperty("sun.jnu.encoding")), "this JVM cannot make the files");
    final Path home = Files.createDirectories(directory.resolve("with späce"));
    final Path launcher = home.resolve("gradstream");
    Files.copy(Path.of("../../gradstream"), launcher);
    final Path target = Files.createDirectories(home.resolve("infra/cli/target"));
    Files.writeString(
        target.resolve("classpath"),
        home.toRealPath() + "/proto/kernels/target/none:" + System.getProperty("java.class.path"));
    final Path cases = Files.writeString(home.resolve("fälle.json"), "{}");

    final var builder =
        new ProcessBuilder("bash", launcher.toString(), "resolve", cases.toString())
            .redirectErrorStream(true);
    builder.environment().remove("LC_CTYPE");
    builder.environment().put("LC_ALL", "C");
    builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
    final Process process = builder.start();
    final String answer =
        new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(answer).contains(cases + ": ").doesNotContain("InvalidPath");
    assertThat(process.exitValue()).isEqualTo(2);
  }
}
