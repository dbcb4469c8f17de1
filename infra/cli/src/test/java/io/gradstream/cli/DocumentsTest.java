package io.gradstream.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;

/** What the documents name is there: files, headings, tests, commands, options, spec keys. */
class DocumentsTest {
  private static final Path ROOT = Path.of("../..");

  private static final Pattern LINK = Pattern.compile("\\[[^\\]\\[]*\\]\\(([^)\\s]+)\\)");
  private static final Pattern BLOCK = Pattern.compile("(?s)```.*?```");
  private static final Pattern TEST = Pattern.compile("`([A-Z]\\w*Test)(?:\\.(\\w+))?`");
  private static final Pattern COMMAND = Pattern.compile("\\./gradstream +([a-z-]+)([^#`\n&|>]*)");
  private static final Pattern OPTION = Pattern.compile("(?<= )--[a-z-]+");

  private static List<Path> documents() throws IOException {
    final var documents = new ArrayList<Path>();
    try (Stream<Path> top = Files.list(ROOT);
        Stream<Path> docs = Files.walk(ROOT.resolve("docs"));
        Stream<Path> infra = Files.walk(ROOT.resolve("infra"), 2)) {
      Stream.of(top, docs, infra)
          .flatMap(files -> files)
          .filter(file -> file.toString().endsWith(".md"))
          .forEach(documents::add);
    }
    return documents;
  }

  private static Stream<MatchResult> find(Pattern pattern, String text) {
    return pattern.matcher(text).results();
  }

  @ParameterizedTest
  @MethodSource("documents")
  void everyRelativeLinkLeadsSomewhere(Path document) throws IOException {
    final String text = BLOCK.matcher(Files.readString(document)).replaceAll("");
    final var broken = new ArrayList<String>();
    for (final MatchResult link : find(LINK, text).toList()) {
      final String target = link.group(1);
      if (!target.matches("(https?|mailto):.*") && !leadsSomewhere(document, target)) {
        broken.add(target);
      }
    }
    assertThat(broken).as("broken links in %s", document).isEmpty();
  }

  private static boolean leadsSomewhere(Path document, String target) throws IOException {
    final int hash = target.indexOf('#');
    final String file = hash < 0 ? target : target.substring(0, hash);
    final Path linked = file.isEmpty() ? document : document.resolveSibling(file).normalize();
    return Files.exists(linked)
        && (hash < 0 || headings(linked).contains(target.substring(hash + 1)));
  }

  /** Anchors as GitHub makes them of headings. */
  private static List<String> headings(Path document) throws IOException {
    return Files.readString(document)
        .lines()
        .filter(line -> line.startsWith("#"))
        .map(line -> line.replaceFirst("#+ +", "").toLowerCase(Locale.ROOT))
        .map(line -> line.replaceAll("[^\\p{L}\\p{N} _-]", "").replace(' ', '-'))
        .toList();
  }

  /** The text of every test class by its simple name, whose module lies one or two folders deep. */
  private static Map<String, String> testSources() throws IOException {
    final Map<String, String> tests = new HashMap<>();
    try (Stream<Path> folders = Files.walk(ROOT, 2)) {
      for (final Path sources :
          folders.map(folder -> folder.resolve("src/test/java")).filter(Files::exists).toList()) {
        try (Stream<Path> files = Files.walk(sources)) {
          for (final Path file :
              files.filter(each -> each.toString().endsWith("Test.java")).toList()) {
            final String name = file.getFileName().toString().replace(".java", "");
            tests.put(name, Files.readString(file));
          }
        }
      }
    }
    return tests;
  }

  @Test
  void everyTestThatIsNamedExists() throws IOException {
    final Map<String, String> tests = testSources();
    final var missing = new ArrayList<String>();
    for (final Path document : documents()) {
      for (final MatchResult named : find(TEST, Files.readString(document)).toList()) {
        final String source = tests.getOrDefault(named.group(1), "");
        final String method = named.group(2);
        if (source.isEmpty() || (method != null && !source.contains("void " + method + "("))) {
          missing.add(document + ": " + named.group());
        }
      }
    }
    assertThat(missing).isEmpty();
  }

  @Test
  void everyCommandAndOptionExists() throws IOException {
    final Map<String, CommandLine> commands = new CommandLine(new Main()).getSubcommands();
    final var missing = new ArrayList<String>();
    for (final Path document : documents()) {
      for (final MatchResult called : find(COMMAND, Files.readString(document)).toList()) {
        final CommandLine command = commands.get(called.group(1));
        if (command == null) {
          missing.add(document + ": " + called.group());
          continue;
        }
        final String arguments = called.group(2);
        final CommandLine inner =
            command.getSubcommands().entrySet().stream()
                .filter(sub -> arguments.startsWith(" " + sub.getKey()))
                .map(Map.Entry::getValue)
                .findFirst()
                .orElse(command);
        find(OPTION, arguments)
            .map(MatchResult::group)
            .filter(option -> inner.getCommandSpec().findOption(option) == null)
            .forEach(option -> missing.add(document + ": " + called.group(1) + " " + option));
      }
    }
    assertThat(missing).isEmpty();
  }

  @Test
  void thePageOfTheRunSpecNamesEveryKey() throws IOException {
    final String page = Files.readString(ROOT.resolve("docs/guides/spec.md"));
    final JsonNode schema = new ObjectMapper().readTree(SpecCatalogs.schema());
    final var missing = new ArrayList<String>();
    schema
        .get("properties")
        .properties()
        .forEach(
            section -> {
              final JsonNode inner = section.getValue().get("properties");
              if (inner == null) {
                missing.add(section.getKey());
              } else {
                inner
                    .fieldNames()
                    .forEachRemaining(key -> missing.add(section.getKey() + "." + key));
              }
            });
    missing.removeIf(key -> page.contains("| `" + key + "` |"));
    assertThat(missing).isEmpty();
  }
}
