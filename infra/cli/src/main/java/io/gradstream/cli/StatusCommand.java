package io.gradstream.cli;

import io.gradstream.cli.progress.LogSize;
import io.gradstream.cli.progress.Report;
import io.gradstream.cli.progress.RunReader;
import io.gradstream.cli.progress.RunSummary;
import io.gradstream.proto.message.DeadLetter;
import io.gradstream.proto.message.Metric;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.topic.LogReader;
import io.gradstream.weights.Weights;
import io.gradstream.weights.WeightsReader;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.TopicPartition;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code gradstream status}. */
@Command(
    name = "status",
    description = "Tells how far a run is and what it waits for.",
    mixinStandardHelpOptions = true)
final class StatusCommand implements Callable<Integer> {
  @Mixin private RunOptions options;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException {
    final PrintWriter out = spec.commandLine().getOut();
    try (var found = options.open();
        var reader = new RunReader(found.run())) {
      final Run run = found.run();
      final RunSummary summary = reader.catchUp();
      final Optional<Weights> weights = new WeightsReader(run).latest();
      final var report =
          new Report(
              run.spec().run(),
              run.spec().rounds(),
              summary,
              weights.map(Weights::version).orElse(-1L),
              weights.map(Weights::sha256).orElse(null),
              summary.seenRounds(),
              summary.secondsSinceStart());
      if (json) {
        out.println(report.json());
      } else {
        out.printf("run %s: round %d of %d%n", report.run(), summary.rounds(), report.rounds());
        summary.standstill().ifPresent(standstill -> out.println(waiting(run, standstill)));
        out.println(report.table());
        LogSize.of(run).ifPresent(size -> out.println("log         " + size.text()));
        deadLetters(run, out);
      }
      out.flush();
    }
    return 0;
  }

  private static String waiting(Run run, RunSummary.Standstill standstill) {
    final Metric.Waiting waiting = standstill.waiting();
    final Set<Integer> served = servedTasks(run);
    final var tasks = new TreeMap<Integer, List<Integer>>();
    for (final var slot : waiting.getSlotsList()) {
      tasks.computeIfAbsent(slot.getTask(), task -> new ArrayList<>()).add(slot.getSlot());
    }
    final String slots =
        tasks.entrySet().stream()
            .map(
                task ->
                    "%s slots %s%s"
                        .formatted(
                            run.topics().nameOf(task.getKey()),
                            task.getValue(),
                            served.contains(task.getKey()) ? "" : " (no worker serves it)"))
            .collect(Collectors.joining(", "));
    return "round %d stands still since %tT (%<tF) and waits for %s"
        .formatted(
            waiting.getRound(),
            standstill.sinceMs(),
            slots.isEmpty() ? "its verdict, partition " + waiting.getPartition() : slots);
  }

  /** The tasks whose orders some worker takes. */
  private static Set<Integer> servedTasks(Run run) {
    final String group = run.topics().workerGroup();
    try (Admin admin = run.connection().admin()) {
      return admin.describeShareGroups(List.of(group)).all().get().values().stream()
          .flatMap(description -> description.members().stream())
          .flatMap(member -> member.assignment().topicPartitions().stream())
          .map(partition -> run.topics().taskOfOrders(partition.topic()))
          .collect(Collectors.toSet());
    } catch (ExecutionException e) {
      return Set.of(); // a group that no worker has joined yet is not there
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while asking for " + group, e);
    }
  }

  private static void deadLetters(Run run, PrintWriter out) throws IOException {
    final var partition = new TopicPartition(run.topics().deadLetters(), 0);
    try (var log = new LogReader(run.connection(), run.spec().run() + ".status")) {
      final long count = log.end(partition);
      final var last = log.last(partition);
      if (last.isPresent()) {
        out.printf(
            "refused     %d records; the last: %s%n",
            count, DeadLetter.parseFrom(last.get().value()).getReason());
      }
    }
  }
}
