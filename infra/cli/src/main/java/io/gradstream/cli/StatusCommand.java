package io.gradstream.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.cli.progress.Diagnosis;
import io.gradstream.cli.progress.Report;
import io.gradstream.cli.progress.RunMembers;
import io.gradstream.cli.progress.RunReader;
import io.gradstream.cli.progress.RunSize;
import io.gradstream.cli.progress.RunSummary;
import io.gradstream.proto.log.LogReader;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.message.DeadLetter;
import io.gradstream.proto.run.OrderGaps;
import io.gradstream.proto.run.Run;
import io.gradstream.submission.weights.Weights;
import io.gradstream.submission.weights.WeightsReader;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
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
  public Integer call() {
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
              summary.readRounds(),
              summary.secondsSinceStart());
      final RunMembers crew = RunMembers.of(run);
      final boolean isOver = new RunEnd(run).isReached(summary);
      final var problems =
          new ArrayList<String>(
              found.isReachedAlone() && !isOver
                  ? Diagnosis.ofStoppedRun(run, summary, options.directory().path())
                  : Diagnosis.of(run, summary, crew, isOver, System.currentTimeMillis()));
      if (summary.standstill().isPresent()) {
        problems.addAll(lostOrders(run));
      }
      if (json) {
        final ObjectNode result = report.json();
        result
            .putObject("roles")
            .put("servers", crew.servers())
            .put("arbitrators", crew.arbitrators())
            .put("workers", crew.workers());
        problems.forEach(result.putArray("problems")::add);
        out.println(result);
      } else {
        out.printf("run %s: round %d of %d%n", report.run(), summary.rounds(), report.rounds());
        out.printf(
            "roles       servers %d, arbitrators %d, workers %d%n",
            crew.servers(), crew.arbitrators(), crew.workers());
        problems.forEach(problem -> out.println("note        " + problem));
        out.println(report.table());
        RunSize.of(run).ifPresent(size -> out.println("log         " + size.text()));
        deadLetters(run, out);
      }
      out.flush();
    }
    return 0;
  }

  private static List<String> lostOrders(Run run) {
    return OrderGaps.of(run).entrySet().stream()
        .map(
            gap ->
                ("%s lost orders: it ends %d records before the workers' position in it; the"
                        + " parameter server fills the gap when it orders again")
                    .formatted(gap.getKey(), gap.getValue()))
        .toList();
  }

  private static void deadLetters(Run run, PrintWriter out) {
    final var partition = new TopicPartition(run.topics().deadLetters(), 0);
    try (var log = new LogReader(run.connection(), run.spec().run() + ".status")) {
      final long count = log.end(partition);
      log.last(partition)
          .ifPresent(
              last -> out.printf("refused     %d records; the last: %s%n", count, reason(last)));
    }
  }

  private static String reason(LogRecord letter) {
    try {
      return Printable.of(DeadLetter.parseFrom(letter.bytes()).getReason());
    } catch (InvalidProtocolBufferException e) {
      return "unreadable, at offset " + letter.offset();
    }
  }
}
