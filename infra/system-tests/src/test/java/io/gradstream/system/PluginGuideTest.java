package io.gradstream.system;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.gradstream.cli.CommandLineRun;
import io.gradstream.cli.PluginJars;
import io.gradstream.embedded.EmbeddedKafka;
import io.gradstream.proto.spec.plugin.Plugins;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Isolated;

/** The guide to plug-ins, followed to the letter: its code, its jar, its run. */
@Isolated("plug-ins are the process's")
class PluginGuideTest {
  private static final Path GUIDE = Path.of("../../docs/guides/plug-ins.md");
  private static final Pattern BLOCK = Pattern.compile("(?s)```(\\w*)\n(.*?)```");

  @TempDir Path directory;

  /** Other tests of this JVM have no plug-ins. */
  @AfterEach
  void withoutPlugins() {
    Plugins.load(List.of());
  }

  @Test
  void itsCodeTrainsARunWhoseRecordHasTheJar() throws IOException {
    final var code = new ArrayList<String>();
    String services = "";
    String spec = "";
    for (final var block : BLOCK.matcher(Files.readString(GUIDE)).results().toList()) {
      switch (block.group(1)) {
        case "java" -> code.add(block.group(2));
        case "yaml" -> spec = block.group(2);
        case "" -> services = block.group(2);
        default -> {}
      }
    }
    final Path classes = PluginJars.compile(directory, code.toArray(String[]::new));
    final Map<String, String> texts = new HashMap<>(Map.of(PluginJars.SERVICES, services));
    final Path jar = PluginJars.pack(directory.resolve("my-plugins.jar"), classes, texts);
    texts.put("more.txt", "other bytes");
    final Path other = PluginJars.pack(directory.resolve("other.jar"), classes, texts);
    final Path file = Files.writeString(directory.resolve("valley.yaml"), spec);

    try (var kafka = EmbeddedKafka.start(directory.resolve("kafka"), 0)) {
      follow(jar, other, file, kafka.bootstrapServers());
    }
  }

  private void follow(Path jar, Path other, Path spec, String bootstrap) throws IOException {
    final String data = directory.resolve("data").toString();
    final List<String> train =
        List.of("train", spec.toString(), "--bootstrap", bootstrap, "--data-dir", data, "--json");
    final JsonNode trained =
        new ObjectMapper().readTree(succeed(with(jar, train)).outLines().getLast());
    assertThat(trained.at("/losses/valley/last").asDouble())
        .isLessThan(trained.at("/losses/valley/first").asDouble());

    final List<String> audit = List.of("audit", "--run", "valley", "--bootstrap", bootstrap);
    final List<String> recompute = new ArrayList<>(audit);
    recompute.addAll(List.of("--recompute", "1"));
    succeed(with(jar, recompute));
    assertThat(fail(with(other, audit)))
        .startsWith(
            "gradstream: --plugin " + other + ": run valley was submitted with another jar");
    // The same spec again finds the run, and must not go on with another jar.
    assertThat(fail(with(other, train))).contains("was submitted with another jar");

    withoutPlugins();
    assertThat(fail(audit))
        .startsWith(
            "gradstream: run valley has its resolver loss-power from the plug-in my-plugins.jar (SHA-256 ")
        .contains("--plugin");
    assertThat(fail(recompute)).contains("tasks.loss valley from the plug-in my-plugins.jar");
    for (final String role : List.of("worker", "arbitrator")) {
      assertThat(fail(List.of(role, "--run", "valley", "--bootstrap", bootstrap)))
          .contains("from the plug-in my-plugins.jar (SHA-256 ");
    }
    succeed(List.of("status", "--run", "valley", "--bootstrap", bootstrap));
  }

  private static List<String> with(Path jar, List<String> command) {
    final var all = new ArrayList<>(command);
    all.addAll(List.of("--plugin", jar.toString()));
    return all;
  }

  private static CommandLineRun succeed(List<String> command) {
    final var run = CommandLineRun.of(command.toArray(String[]::new));
    assertThat(run.exitCode()).as(run.err()).isZero();
    return run;
  }

  private static String fail(List<String> command) {
    final var run = CommandLineRun.of(command.toArray(String[]::new));
    assertThat(run.exitCode()).as(run.err()).isEqualTo(2);
    assertThat(run.err().lines()).hasSize(1);
    return run.err();
  }
}
