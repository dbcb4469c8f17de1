package io.gradstream.cli.progress;

import io.gradstream.proto.message.Metric;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.spec.ArithmeticPolicy;
import io.gradstream.submission.weights.WeightsReader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * What keeps a run from going on, and what to do about it: one sentence each. It follows from what
 * the topics and the cluster say together, in whatever order they were read.
 */
public final class Diagnosis {
  /** A round that is open for longer than this may have a reason. */
  private static final long NOTICED_MS = 5000;

  private final Run run;
  private final RunSummary summary;
  private final RunMembers crew;
  private final long nowMs;

  private Diagnosis(Run run, RunSummary summary, RunMembers crew, long nowMs) {
    this.run = run;
    this.summary = summary;
    this.crew = crew;
    this.nowMs = nowMs;
  }

  /**
   * The sentences, the most urgent first.
   *
   * @param finished whether the run is over, so that nobody has to work for it
   * @param nowMs milliseconds since 1970
   */
  public static List<String> of(
      Run run, RunSummary summary, RunMembers crew, boolean finished, long nowMs) {
    final var lines = new ArrayList<String>();
    final var diagnosis = new Diagnosis(run, summary, crew, nowMs);
    if (!finished && diagnosis.waitsForEvaluation()) {
      lines.add(
          "all rounds are done, and the last weights are not evaluated; start an evaluator: gradstream evaluator --run %s --bootstrap %s"
              .formatted(run.spec().run(), run.connection().bootstrap()));
    } else if (!finished) {
      diagnosis.refusal(lines);
      diagnosis.standstill(lines);
      diagnosis.missing(lines, crew.servers(), "server");
      diagnosis.missing(lines, crew.arbitrators(), "arbitrator");
      diagnosis.missing(lines, crew.workers(), "worker");
      diagnosis.arithmetic(lines);
    }
    if (!crew.brokersAway().isEmpty()) {
      lines.add(
          "brokers %s hold records of the run and do not answer; start them again"
              .formatted(crew.brokersAway()));
    }
    if (run.spec().transport().replication() == 1) {
      lines.add(
          "its records lie on one broker each: what a broker acknowledged can be lost with its machine (transport.replication: 3 on three brokers keeps it)");
    }
    return lines;
  }

  /**
   * The sentences for a run whose broker was not running: nobody can work for it.
   *
   * @param directory where {@code train} keeps it
   */
  public static List<String> ofStoppedRun(Run run, RunSummary summary, Path directory) {
    final var lines = new ArrayList<String>();
    final var nobody = new RunMembers(0, 0, 0, Set.of(), Set.of());
    final var diagnosis = new Diagnosis(run, summary, nobody, 0);
    diagnosis.refusal(lines);
    diagnosis.arithmetic(lines);
    lines.add(
        "nobody works for it, and no broker was running; to go on: gradstream train SPEC --data-dir "
            + directory);
    return lines;
  }

  private boolean waitsForEvaluation() {
    final long rounds = run.spec().rounds();
    return summary.rounds() >= rounds
        && run.spec().evaluation().every() > 0
        && !summary.validations().containsKey(rounds)
        && new WeightsReader(run).latest().filter(last -> last.version() >= rounds).isPresent();
  }

  private void refusal(List<String> lines) {
    Refusals.lost(run, summary).ifPresent(lines::add);
    if (Refusals.skips(run, summary)) {
      return; // the round will be skipped
    }
    Refusals.found(run, summary)
        .or(
            () ->
                summary
                    .refusal()
                    .flatMap(
                        refusal ->
                            Refusals.repeated(run, refusal)
                                .map(
                                    letter ->
                                        Refusals.text(
                                            run, refusal, letter, summary.bestVersion()))))
        .ifPresent(lines::add);
  }

  private void standstill(List<String> lines) {
    final var reported = summary.standstill();
    if (reported.isPresent()) {
      lines.add(waiting(reported.get()));
    } else if (summary.lastMovedMs() > 0 && nowMs - summary.lastMovedMs() > NOTICED_MS) {
      lines.add(
          "round %d is open for %s"
              .formatted(
                  summary.rounds(),
                  ProgressLine.duration((nowMs - summary.lastMovedMs()) / 1000.0)));
    }
  }

  private void missing(List<String> lines, int there, String role) {
    if (there == 0) {
      lines.add(
          "no %s works for it; start one with: gradstream %s --run %s --bootstrap %s"
              .formatted(role, role, run.spec().run(), run.connection().bootstrap()));
    }
  }

  /** Workers of another kind than the run takes end by themselves: what is missing is that kind. */
  private void arithmetic(List<String> lines) {
    final long taken =
        run.spec().compute().arithmeticPolicy() instanceof ArithmeticPolicy.Only only
            ? only.fingerprint()
            : summary.arithmetic();
    if (crew.workers() > 0 || taken == ArithmeticPolicy.NONE) {
      return;
    }
    final String name = run.spec().run();
    final boolean isBegun = summary.seenRounds() > 0;
    lines.add(
        "it takes gradients of arithmetic %s alone: a worker must run where gradstream arithmetic prints that. To go on with others: %s"
            .formatted(
                ArithmeticPolicy.text(taken),
                isBegun
                    ? "gradstream fork --run %s --version %d --as %s-2 --set compute.arithmetic=any"
                        .formatted(name, summary.rounds(), name)
                    : "submit it anew under another name with --set compute.arithmetic=any"));
  }

  private String waiting(RunSummary.Standstill standstill) {
    final Metric.Waiting waiting = standstill.waiting();
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
                            crew.servedTasks().contains(task.getKey())
                                ? ""
                                : " (no worker serves it)"))
            .collect(Collectors.joining(", "));
    return "round %d stands still since %tT (%<tF) and waits for %s"
        .formatted(
            waiting.getRound(),
            standstill.sinceMs(),
            slots.isEmpty() ? "its verdict, partition " + waiting.getPartition() : slots);
  }
}
