package io.gradstream.system;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The launcher, on a checkout that is built. */
class LauncherTest {
  @TempDir Path directory;

  private Path home;

  /** A checkout that is built, with letters in its path that are not ASCII's. */
  @BeforeEach
  void makeCheckout() throws IOException {
    assumeTrue(
        "UTF-8".equals(System.getProperty("sun.jnu.encoding")), "this JVM cannot make the files");
    home = Files.createDirectories(directory.resolve("with späce"));
    Files.copy(Path.of("../../gradstream"), home.resolve("gradstream"));
    final Path target = Files.createDirectories(home.resolve("infra/cli/target"));
    Files.writeString(
        target.resolve("classpath"),
        home.toRealPath() + "/proto/kernels/target/none:" + System.getProperty("java.class.path"));
  }

  /** cron, systemd and containers have no locale; the JVM would then know ASCII paths alone. */
  @Test
  void pathsBeyondAsciiCanBeNamedWithoutALocale() throws Exception {
    final Path cases = Files.writeString(home.resolve("fälle.json"), "{}");

    final String answer = refusalOf("resolve", cases.toString());

    assertThat(answer).contains(cases + ": ").doesNotContain("InvalidPath");
  }

  /** The command line refuses the option where the variables are not what they must be. */
  @ParameterizedTest
  @ValueSource(strings = {"--arithmetic portable", "--arithmetic=portable"})
  void portableArithmeticIsSetUpBeforeJavaStarts(String option) throws Exception {
    final List<String> arguments = new ArrayList<>(List.of("train"));
    arguments.addAll(List.of(option.split(" ", -1)));
    arguments.add("nowhere.yaml");

    final String answer = refusalOf(arguments.toArray(String[]::new));

    assertThat(answer).contains("nowhere.yaml: no such file").doesNotContain("--arithmetic");
  }

  /** Where a bundle is unpacked there is neither a JDK nor Maven. */
  @Test
  void aBundleStartsItsOwnJavaAndJars() throws Exception {
    Files.delete(home.resolve("infra/cli/target/classpath"));
    Files.createSymbolicLink(home.resolve("runtime"), Path.of(System.getProperty("java.home")));
    final Path lib = Files.createDirectory(home.resolve("lib"));
    int number = 0;
    for (final String entry : System.getProperty("java.class.path").split(":", -1)) {
      final Path path = Path.of(entry);
      if (Files.isRegularFile(path)) {
        Files.createSymbolicLink(lib.resolve(number++ + ".jar"), path);
      } else if (Files.isDirectory(path)) {
        jar(path, lib.resolve(number++ + ".jar"));
      }
    }

    assertThat(refusalOf("train", "nowhere.yaml")).contains("nowhere.yaml: no such file");
  }

  private static void jar(Path classes, Path jar) throws IOException {
    try (var out = new ZipOutputStream(Files.newOutputStream(jar));
        Stream<Path> files = Files.walk(classes)) {
      for (final Path each : files.filter(Files::isRegularFile).toList()) {
        out.putNextEntry(new ZipEntry(classes.relativize(each).toString()));
        Files.copy(each, out);
        out.closeEntry();
      }
    }
  }

  /** What the launcher says to a command that is refused. */
  private String refusalOf(String... arguments) throws Exception {
    final var command = new ArrayList<>(List.of("bash", home.resolve("gradstream").toString()));
    command.addAll(List.of(arguments));
    final var builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().remove("LC_CTYPE");
    builder.environment().put("LC_ALL", "C");
    if (Files.exists(home.resolve("infra/cli/target/classpath"))) {
      builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
    }
    final Process process = builder.start();
    final String answer =
        new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).isEqualTo(2);
    return answer;
  }
}
