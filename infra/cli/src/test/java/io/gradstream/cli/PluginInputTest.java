package io.gradstream.cli;

import static io.gradstream.cli.PluginJars.SERVICES;
import static io.gradstream.cli.PluginJars.compile;
import static io.gradstream.cli.PluginJars.pack;
import static org.assertj.core.api.Assertions.assertThat;

import io.gradstream.proto.spec.plugin.Plugins;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code --plugin} takes, and what it answers to what it does not take. */
class PluginInputTest {
  private static final String PLUGIN =
      """
      package org.example;
      public class Mine implements io.gradstream.arbitrator.calibrator.CalibratorPlugin<Mine.Options> {
        public record Options(
            @io.gradstream.proto.spec.Param(value = "strength of mine", defaultValue = "0.5", min = 0)
            double strength) {}
        public String name() { return "mine"; }
        public String description() { return "a calibrator of my own"; }
        public Class<Options> options() { return Options.class; }
        public io.gradstream.arbitrator.calibrator.Calibrator create(Options options) {
          throw new IllegalArgumentException("not today");
        }
      }
      """;

  @TempDir Path directory;

  /** Other tests of this JVM have no plug-ins. */
  @AfterEach
  void withoutPlugins() {
    Plugins.load(List.of());
  }

  private Path jar(String name, String source) throws IOException {
    return pack(
        directory.resolve(name),
        compile(directory, source),
        Map.of(SERVICES, "org.example.Mine\n"));
  }

  private static void assertRefused(Path jar, String... parts) {
    final var run = CommandLineRun.of("methods", "--plugin", jar.toString());
    assertThat(run.err()).startsWith("gradstream: --plugin " + jar + ": ").contains(parts);
    assertThat(run.err().lines()).hasSize(1);
    assertThat(run.exitCode()).isEqualTo(2);
    assertThat(run.out()).isEmpty();
  }

  @Test
  void methodsSchemaAndHintsKnowAPlugin() throws IOException {
    final String jar = jar("mine.jar", PLUGIN).toString();

    assertThat(CommandLineRun.of("methods", "--plugin", jar).out())
        .contains("  mine            a calibrator of my own", "from " + jar + ", SHA-256 ");
    assertThat(CommandLineRun.of("--plugin", jar, "methods", "mine").out())
        .startsWith("calibrator mine: a calibrator of my own")
        .contains("strength", "strength of mine", "a number, at least 0; default 0.5");
    assertThat(CommandLineRun.of("schema", "--plugin", jar).out()).contains("\"strength of mine\"");

    final Path spec = directory.resolve("spec.yaml");
    Files.writeString(
        spec,
        Files.readString(Path.of("../runs/toy.yaml"))
            + "calibrator: {method: minne, strength: 1}\n");
    assertThat(CommandLineRun.of("train", spec.toString(), "--plugin", jar).err())
        .contains("unknown calibrator \"minne\"; did you mean \"mine\"?");
    assertThat(
            CommandLineRun.of(
                    "train", spec.toString(), "--plugin", jar, "--set", "calibrator.method=mine")
                .err())
        .contains("calibrator: not today");

    withoutPlugins();
    assertThat(CommandLineRun.of("methods", "mine").err()).contains("nothing is named \"mine\"");
    assertThat(CommandLineRun.of("schema").out()).doesNotContain("strength of mine");
  }

  @Test
  void whatIsNoJarIsRefused() throws IOException {
    assertRefused(directory.resolve("nowhere.jar"), "no such file");
    assertRefused(directory, "directory");
    assertRefused(Files.writeString(directory.resolve("text.jar"), "no jar"), "is no jar");
    assertRefused(Files.createFile(directory.resolve("empty.jar")), "is no jar");
    final Path classes = compile(directory, PLUGIN);
    assertRefused(
        pack(directory.resolve("silent.jar"), classes, Map.of()), "names no plug-in", SERVICES);
    assertRefused(
        pack(directory.resolve("blank.jar"), classes, Map.of(SERVICES, "# none\n")),
        "names no plug-in");
    assertRefused(
        pack(
            directory.resolve("open.jar"),
            classes,
            Map.of(
                SERVICES,
                "org.example.Mine",
                "META-INF/MANIFEST.MF",
                "Manifest-Version: 1.0\nClass-Path: more.jar\n")),
        "Class-Path");
  }

  @Test
  void whatIsNoPluginIsRefused() throws IOException {
    final Path classes = compile(directory, PLUGIN);
    assertRefused(
        pack(directory.resolve("absent.jar"), classes, Map.of(SERVICES, "org.example.Absent")),
        "org.example.Absent not found");
    assertRefused(
        jar("other.jar", "package org.example; public class Mine {}"),
        "org.example.Mine",
        "subtype");
    assertRefused(
        jar(
            "throws.jar",
            PLUGIN.replace(
                "public String name()",
                "public Mine() { throw new IllegalStateException(\"no luck\"); } public String name()")),
        "org.example.Mine could not be instantiated: IllegalStateException: no luck");
    assertRefused(
        jar("badly-named.jar", PLUGIN.replace("\"mine\"", "\"My Own\"")), "\"My Own\" is no name");
    assertRefused(
        jar(
            "nameless.jar",
            PLUGIN.replace("return \"mine\"", "throw new RuntimeException(\"hm\")")),
        "org.example.Mine does not say what it is: RuntimeException: hm");
    assertRefused(
        jar("undescribed.jar", PLUGIN.replaceAll("@io.gradstream.proto.spec.Param\\(.*?\\)", "")),
        "Options.strength has no @Param");
    assertRefused(
        jar(
            "kindless.jar",
            PLUGIN
                .replace("calibrator.CalibratorPlugin<Mine.Options>", "PLUGIN")
                .replace(
                    "io.gradstream.arbitrator.PLUGIN",
                    "io.gradstream.proto.spec.plugin.Plugin<Mine.Options,"
                        + " io.gradstream.arbitrator.calibrator.Calibrator>")
                .replace(
                    "public String name()",
                    "public String section() { return \"calibrator\"; } public String name()")),
        "org.example.Mine is of no kind");
  }

  @Test
  void aNameThatIsTakenIsRefused() throws IOException {
    assertRefused(
        jar("vargrad.jar", PLUGIN.replace("\"mine\"", "\"vargrad\"")),
        "calibrator vargrad is there already, from Gradstream itself");

    final Path one = jar("one.jar", PLUGIN);
    final Path two = jar("two.jar", PLUGIN.replace("strength of mine", "weakness"));
    final var both =
        CommandLineRun.of("methods", "--plugin", one.toString(), "--plugin", two.toString());
    assertThat(both.err())
        .isEqualToIgnoringNewLines(
            "gradstream: --plugin %s: calibrator mine is there already, from %s; one of them needs another name"
                .formatted(two, one));
    assertThat(both.exitCode()).isEqualTo(2);
    assertThat(
            CommandLineRun.of("methods", "--plugin", one.toString(), "--plugin", one.toString())
                .err())
        .contains("is given twice");
  }

  /** Classes that were compiled when Gradstream had other methods. */
  @Test
  void whatWasBuiltAgainstAnotherVersionIsRefusedBeforeItRuns() throws IOException {
    final String uses = "public String name() { %s return \"mine\"; }";
    assertRefused(
        builtAgainst(
            "method.jar",
            "package io.gradstream.arbitrator.resolver;"
                + " public class MethodState { public static int entries() { return 0; } }",
            uses.formatted("io.gradstream.arbitrator.resolver.MethodState.entries();")),
        "another version of Gradstream",
        "io.gradstream.arbitrator.resolver.MethodState.entries()I, which is not there");
    assertRefused(
        builtAgainst(
            "class.jar",
            "package io.gradstream.arbitrator.resolver; public class Gone { public int is; }",
            uses.formatted("new io.gradstream.arbitrator.resolver.Gone();")),
        "another version of Gradstream",
        "io.gradstream.arbitrator.resolver.Gone, which is not there");
    assertRefused(
        builtAgainst(
            "whole.jar",
            """
            package io.gradstream.proto.spec.plugin;
            public interface Plugin<R extends Record, F> {
              String section();
              String name();
              Class<R> options();
              F create(R options);
            }
            """,
            "public String name() { return \"mine\"; }",
            "public String description() { return \"a calibrator of my own\"; }"),
        "another version of Gradstream",
        "org.example.Mine has no description, which Plugin asks for");
  }

  /** The plug-in compiled beside another version of one of our classes, which is left out. */
  private Path builtAgainst(String name, String version, String method, String... without)
      throws IOException {
    String source = PLUGIN.replace("public String name() { return \"mine\"; }", method);
    for (final String part : without) {
      source = source.replace(part, "");
    }
    final Path classes = compile(directory, version, source);
    try (var files = Files.walk(classes.resolve("io"))) {
      for (final Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
    return pack(directory.resolve(name), classes, Map.of(SERVICES, "org.example.Mine"));
  }
}
