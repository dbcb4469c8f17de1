package io.gradstream.system;

import static org.assertj.core.api.Assertions.assertThat;

import io.gradstream.arbitrator.calibrator.Calibrators;
import io.gradstream.arbitrator.resolver.ElementwiseResolver;
import io.gradstream.arbitrator.resolver.Resolver;
import io.gradstream.arbitrator.resolver.Resolvers;
import io.gradstream.benchmarks.InProcessTraining;
import io.gradstream.embedded.EmbeddedKafka;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.spec.Section;
import io.gradstream.proto.topic.Connection;
import io.gradstream.submission.CheckedSpec;
import io.gradstream.submission.Submission;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Methods train over a real broker, on several shards and partitions, to the digest that the same
 * arithmetic has in a plain loop; also when arbitrator and server stop in the middle and come back.
 */
class MethodsOverKafkaTest {
  /** Runs that share the broker; most of a run is waiting. */
  private static final int AT_ONCE = 4;

  @TempDir static Path directory;

  private static EmbeddedKafka kafka;

  @BeforeAll
  static void start() {
    kafka = EmbeddedKafka.start(directory.resolve("kafka"), 0);
  }

  @AfterAll
  static void stop() {
    kafka.close();
  }

  /** The sections of all methods: each resolver, each calibrator, and selected rounds. */
  private static List<String> methods() {
    return Stream.of(
            Resolvers.CATALOG.names().stream().map(MethodsOverKafkaTest::alone),
            Calibrators.CATALOG.names().stream()
                .map(name -> alone(resolverFor(name)) + "\ncalibrator: " + name),
            Stream.of(
                alone("gcond") + "\nselection: {method: smo, tau: 1.02}",
                alone("moco") + "\ncalibrator: moco\nselection: {method: smo, tau: 1.02}"))
        .flatMap(sections -> sections)
        .toList();
  }

  private static String alone(String resolver) {
    return "resolver: " + resolver;
  }

  /**
   * Whether a restart can take something from a method, or it has a way of its own through the
   * arbitrator. The others differ by a function of one round's numbers, which unit tests hold; one
   * of them stands for all.
   */
  private static boolean needsRestart(String sections) {
    return Resolvers.CATALOG.names().stream()
        .filter(name -> !name.equals("pcgrad"))
        .filter(name -> isStateless(Resolvers.create(Section.of(name, Map.of()))))
        .map(MethodsOverKafkaTest::alone)
        .noneMatch(sections::equals);
  }

  private static boolean isStateless(Resolver resolver) {
    return !(resolver instanceof ElementwiseResolver)
        && resolver.initialState(3).values().isEmpty();
  }

  private static String resolverFor(String calibrator) {
    return Resolvers.CATALOG.names().contains(calibrator) ? calibrator : "gcond";
  }

  @Test
  void methodsThatRememberTrainThroughARestartToTheDigestOfAPlainLoop() throws Exception {
    final long rounds = 8;
    forEach(
        methods().stream().filter(MethodsOverKafkaTest::needsRestart).toList(),
        (name, sections) -> {
          final CheckedSpec spec = spec(name, rounds, sections);
          assertThat(train(spec, rounds / 2))
              .as(sections)
              .isEqualTo(InProcessTraining.sha256(spec));
        });
  }

  @Test
  @Tag("chaos")
  void everyMethodTrainsTwoHundredRoundsToOneDigestWithARestartAndWithout() throws Exception {
    final long rounds = 200;
    forEach(
        methods(),
        (name, sections) -> {
          final CheckedSpec spec = spec(name + "-undisturbed", rounds, sections);
          final String undisturbed = train(spec, rounds);
          assertThat(undisturbed).as(sections).isEqualTo(InProcessTraining.sha256(spec));
          assertThat(train(spec(name + "-restarted", rounds, sections), rounds / 2))
              .as(sections)
              .isEqualTo(undisturbed);
        });
  }

  private interface Trial {
    void run(String name, String sections);
  }

  private static void forEach(List<String> methods, Trial trial) throws Exception {
    try (var threads = Executors.newFixedThreadPool(AT_ONCE)) {
      final List<Future<?>> trials = new ArrayList<>();
      for (final String sections : methods) {
        final String name = "m" + trials.size();
        trials.add(threads.submit(() -> trial.run(name, sections)));
      }
      for (final Future<?> each : trials) {
        each.get();
      }
    }
  }

  /** Three noisy quadratics of 60 shared parameters and 10 own ones each, in shards of 16. */
  private static CheckedSpec spec(String name, long rounds, String sections) {
    final String resolver =
        sections.lines().findFirst().orElseThrow().substring(alone("").length());
    final int groups =
        Math.max(1, Resolvers.create(Section.of(resolver, Map.of())).sampleShares().length);
    return CheckedSpec.of(
        RunSpec.parse(
            """
            run: %s
            rounds: %d
            tasks:
              - {name: a, loss: quadratic}
              - {name: b, loss: quadratic, weight: 0.5}
              - {name: c, loss: quadratic, weight: 2}
            accumulation: {micro-batches: %d, batch-size: 1, groups: %d}
            model: {type: toy, dimension: 60, own-dimension: 10, tensors: 3, noise: 0.2}
            optimizer: {type: adamw, learning-rate: 0.05}
            transport: {partitions: 2, shard-values: 16, commit-interval-ms: 100}
            %s
            """
                .formatted(name, rounds, Math.max(2, groups), groups, sections),
            name,
            List.of()));
  }

  /** Trains; after so many rounds, arbitrator and server are stopped and started again. */
  private static String train(CheckedSpec spec, long restart) {
    final var run = Submission.submit(spec, Connection.to(kafka.bootstrapServers())).run();
    final var live = new LiveRun(run, spec, directory.resolve(run.spec().run()));
    try (var workers = live.startWorkers(2)) {
      arbitrateUntil(restart, live);
      if (restart < run.spec().rounds()) {
        arbitrateUntil(run.spec().rounds(), live);
      }
      assertThat(workers.failure()).isEmpty();
    }
    return live.digest();
  }

  private static void arbitrateUntil(long version, LiveRun live) {
    try (var server = live.startServer("one");
        var arbitrator = live.startArbitrator("one")) {
      live.awaitVersion(version);
      assertThat(server.failure()).isEmpty();
      assertThat(arbitrator.failure()).isEmpty();
    }
  }
}
