package io.gradstream.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.gradstream.arbitrator.resolver.Resolvers;
import io.gradstream.arbitrator.resolver.SeededRandomSource;
import io.gradstream.proto.spec.Section;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What CONTRIBUTING promises: a method is one class and one line in {@code Resolvers}, and a third
 * place where a public library calls its parameters otherwise. Nobody else knows it by its class or
 * its name, but for a method that builds on it, as imtl does on imtl-l.
 */
class AddingAMethodTest {
  private static final Path ROOT = Path.of("../..");

  @ParameterizedTest
  @ValueSource(
      strings = {
        "gradvac",
        "gls",
        "imtl",
        "excess-mtl",
        "modo",
        "sdmgrad",
        "krum",
        "trimmed-mean",
        "config",
        "pcd",
        "cr-mogm",
        "cosmos",
        "pbi",
        "stch-plain"
      })
  void aMethodIsKnownInThreeFilesAtMost(String method) throws IOException {
    final String type =
        Resolvers.CATALOG
            .create(Section.of(method, Map.of()))
            .apply(new SeededRandomSource())
            .getClass()
            .getSimpleName();
    final Pattern known =
        Pattern.compile("\"(%s|%s)\"|\\b%s\\b".formatted(method, method.replace('-', '_'), type));
    final var files = new TreeSet<String>();
    for (final Path source : sources()) {
      if (known.matcher(withoutComments(source)).find()) {
        files.add(source.getFileName().toString());
      }
    }

    assertThat(files)
        .contains(type + ".java", "Resolvers.java")
        .isSubsetOf(type + ".java", "Resolvers.java", "LibraryParameterMapping.java");
  }

  private static List<Path> sources() throws IOException {
    try (Stream<Path> files = Files.walk(ROOT)) {
      return files
          .filter(file -> file.toString().contains("/src/main/java/"))
          .filter(file -> file.toString().endsWith(".java"))
          .sorted(Comparator.naturalOrder())
          .toList();
    }
  }

  private static String withoutComments(Path source) {
    try {
      return Files.readString(source).replaceAll("(?s)/\\*.*?\\*/|//[^\n]*", "");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
