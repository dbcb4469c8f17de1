package io.gradstream.cli;

import io.gradstream.proto.FileFault;
import io.gradstream.proto.UserError;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code gradstream bundle}. */
@Command(
    name = "bundle",
    description = {
      "Packs this checkout for machines of its kind that have no JDK.",
      "The file has Java, all jars, the Python package and the example specs."
    },
    footer = {
      "",
      "There: tar -xJf FILE (or python3 -m tarfile -e FILE), then gradstream/gradstream worker ...",
      "PyTorch's own libraries are left out: models of type mae and torchscript need a checkout."
    },
    mixinStandardHelpOptions = true)
final class BundleCommand implements Callable<Integer> {
  /** What Kafka, DJL and Gradstream use, found by trying. */
  private static final String MODULES =
      String.join(
          ",",
          "java.base",
          "java.compiler",
          "java.desktop",
          "java.naming",
          "java.rmi",
          "java.scripting",
          "java.security.jgss",
          "java.security.sasl",
          "java.sql",
          "jdk.incubator.vector",
          "jdk.management",
          "jdk.unsupported");

  /** Beside the launcher and the jars, with the places that they have in a checkout. */
  private static final List<String> FILES =
      List.of(
          "LICENSE",
          "README.md",
          "gradient-producers/python/README.md",
          "gradient-producers/python/pyproject.toml",
          "gradient-producers/python/src",
          "infra/runs");

  @Parameters(paramLabel = "FILE", description = "What to write, such as gradstream.tar.xz.")
  private Path file;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException {
    final Path home = home();
    final Path target = file.toAbsolutePath();
    if (!file.getFileName().toString().endsWith(".tar.xz")) {
      throw new UserError(file + ": what is written is a .tar.xz; give it that ending");
    }
    final Path work = directoryBeside(target);
    try {
      final Path root = Files.createDirectories(work.resolve("gradstream"));
      link(root.resolve("runtime"));
      final var jars = PlatformJars.ofThisMachine();
      for (final String entry :
          System.getProperty("java.class.path").split(File.pathSeparator, -1)) {
        jars.copy(Path.of(entry), Files.createDirectories(root.resolve("lib")));
      }
      Files.copy(
          home.resolve("gradstream"),
          root.resolve("gradstream"),
          StandardCopyOption.COPY_ATTRIBUTES);
      for (final String each : FILES) {
        copy(home.resolve(each), root.resolve(each));
      }
      final Path packed = work.resolve("packed");
      run(
          "tar and xz",
          List.of(
              "tar",
              "--create",
              "--xz",
              "--sort=name",
              "--owner=0",
              "--group=0",
              "--numeric-owner",
              "--file=" + packed,
              "--directory=" + work,
              "gradstream"));
      Files.move(packed, target, StandardCopyOption.REPLACE_EXISTING);
      spec.commandLine()
          .getOut()
          .printf("%s  %.1f MB, for %s%n", file, Files.size(target) / 1e6, jars.platform());
      spec.commandLine().getOut().flush();
    } finally {
      delete(work);
    }
    return 0;
  }

  /** The checkout, which the launcher names. */
  private static Path home() {
    final @Nullable String home = System.getProperty("gradstream.home");
    if (home == null || !Files.isDirectory(Path.of(home).resolve("gradient-producers/python"))) {
      throw new UserError("bundle: call it as ./gradstream in a checkout, which is what it packs");
    }
    if (Files.isDirectory(Path.of(home).resolve("runtime"))) {
      throw new UserError("bundle: this is a bundle already; copy its file instead");
    }
    return Path.of(home);
  }

  private Path directoryBeside(Path target) {
    try {
      return Files.createTempDirectory(target.getParent(), ".bundle-");
    } catch (IOException e) {
      throw new UserError(target.getParent() + ": " + FileFault.of(e), e);
    }
  }

  /** Makes a Java of the modules that are needed. */
  private static void link(Path runtime) {
    final Path jlink = Path.of(System.getProperty("java.home"), "bin", "jlink");
    if (!Files.isExecutable(jlink)) {
      throw new UserError(
          "bundle: %s is missing; set JAVA_HOME to a full JDK of 25 or newer".formatted(jlink));
    }
    run(
        "jlink",
        List.of(
            jlink.toString(),
            "--add-modules",
            MODULES,
            "--strip-java-debug-attributes",
            "--no-header-files",
            "--no-man-pages",
            "--compress",
            "zip-0",
            "--output",
            runtime.toString()));
  }

  private static void run(String what, List<String> command) {
    try {
      final Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      final String said =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      if (process.waitFor() != 0) {
        throw new UserError("bundle: %s failed: %s".formatted(what, said));
      }
    } catch (IOException e) {
      throw new UserError("bundle: needs %s: %s".formatted(what, FileFault.of(e)), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    }
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.walk(from)) {
      for (final Path each : (Iterable<Path>) files::iterator) {
        if (each.toString().contains("__pycache__")) {
          continue;
        }
        final Path copy = to.resolve(from.relativize(each).toString());
        if (Files.isDirectory(each)) {
          Files.createDirectories(copy);
        } else {
          Files.createDirectories(copy.getParent());
          Files.copy(each, copy, StandardCopyOption.COPY_ATTRIBUTES);
        }
      }
    }
  }

  private static void delete(Path directory) throws IOException {
    try (Stream<Path> files = Files.walk(directory)) {
      for (final Path each : (Iterable<Path>) files.sorted(Comparator.reverseOrder())::iterator) {
        Files.delete(each);
      }
    }
  }
}
