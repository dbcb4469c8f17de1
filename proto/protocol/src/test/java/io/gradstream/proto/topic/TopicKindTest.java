package io.gradstream.proto.topic;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class TopicKindTest {
  private static final Topics TOPICS = new Topics("r", List.of("a"));

  @Test
  void everyTopicOfARunIsOfOneKind() {
    final List<String> names =
        List.of(
            TOPICS.spec(),
            TOPICS.weights(),
            TOPICS.updates(),
            TOPICS.verdicts(),
            TOPICS.statistics(),
            TOPICS.gradients(0),
            TOPICS.orders(0),
            TOPICS.metrics(),
            TOPICS.deadLetters(),
            TOPICS.state());

    assertThat(names).hasSameSizeAs(TopicKind.values());
    for (final String name : names) {
      assertThat(Stream.of(TopicKind.values()).filter(kind -> kind.includes("r", name)))
          .as(name)
          .hasSize(1);
      assertThat(TopicKind.isOfRun("r", name)).isTrue();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"r.arbitrator-sums-changelog", "r.server-weights-changelog"})
  void changelogsOfTheServicesBelongToTheRun(String topic) {
    assertThat(TopicKind.isOfRun("r", topic)).isTrue();
  }

  /** What deletes a run must leave these alone. */
  @ParameterizedTest
  @ValueSource(
      strings = {"r.incoming", "r.gradients", "r-2.spec", "r", "rr.spec", "r.submission", "spec"})
  void whatOnlyLooksLikeItDoesNot(String topic) {
    assertThat(TopicKind.isOfRun("r", topic)).isFalse();
  }

  @ParameterizedTest
  @EnumSource
  void theArchitectureTellsOfEachKind(TopicKind kind) throws IOException {
    assertThat(Files.readAllLines(Path.of("../../docs/architecture.md")))
        .anyMatch(
            line -> line.matches("\\| [^|]*`" + kind.of("r").substring(2) + "(\\.<task>)?`.*"));
  }

  /** By that table a cluster's access rights are set. */
  @ParameterizedTest
  @EnumSource
  void theArchitectureTellsWhoWritesEachKind(TopicKind kind) throws IOException {
    final String writers =
        kind.writers().stream().sorted().map(Object::toString).collect(Collectors.joining(", "));

    assertThat(Files.readAllLines(Path.of("../../docs/architecture.md")))
        .filteredOn(line -> line.startsWith("| `" + kind.of("r").substring(2)))
        .singleElement()
        .asString()
        .endsWith("| " + writers + " |");
  }

  @ParameterizedTest
  @EnumSource
  void whoWritesAKindIsAskedForBothWays(TopicKind.Writer writer) {
    assertThat(TopicKind.writtenBy(writer))
        .isNotEmpty()
        .allSatisfy(kind -> assertThat(kind.writers()).contains(writer));
  }
}
