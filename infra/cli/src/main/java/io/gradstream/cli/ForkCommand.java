package io.gradstream.cli;

import io.gradstream.audit.fork.Fork;
import io.gradstream.audit.fork.ForkPoint;
import io.gradstream.producer.model.ModelFile;
import io.gradstream.proto.UserError;
import io.gradstream.proto.evidence.Signer;
import io.gradstream.proto.log.KafkaRunLog;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.spec.ListedKey.Role;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.submission.CheckedSpec;
import io.gradstream.submission.Submission;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code gradstream fork}. */
@Command(
    name = "fork",
    description = {
      "Starts a new run from a past version of another one.",
      "Options may differ. With the same options the new run ends with the same "
          + "weights. The same fork again changes nothing."
    })
final class ForkCommand implements Callable<Integer> {
  /** What shells expect after Ctrl-C. */
  private static final int INTERRUPTED = 130;

  @Mixin private RunOptions options;

  @Mixin private KeyOptions key;

  @Mixin private CommandOptions command;

  /** The standard options would take {@code --version} for themselves. */
  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this help message and exit.")
  @SuppressWarnings("UnusedVariable") // picocli acts on it
  private boolean help;

  @Option(
      names = "--version",
      required = true,
      paramLabel = "V",
      description = "The version to go on from, at least 1.")
  private long version;

  @Option(names = "--as", required = true, paramLabel = "NAME", description = "The new run's name.")
  private String name;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "Changes a value of the run's spec; may be repeated.")
  private List<String> assignments = List.of();

  @Option(
      names = "--train",
      description = "Train the new run in this process, or go on with it; else start its roles.")
  private boolean train;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException {
    final var display = new ProgressDisplay(spec.commandLine().getOut());
    try (var found = options.open()) {
      final Run from = found.run();
      final RunSpec forked = Fork.spec(from.description(), version, name, assignments);
      final CheckedSpec checked = CheckedSpec.of(forked, command.command(), file(from));
      final var outcome =
          Submission.submit(checked, () -> fork(from, forked, display), from.connection());
      requireOrigin(outcome.run(), from);
      display.print(
          "run %s %s: goes on from version %d of run %s"
              .formatted(
                  name,
                  outcome.isNew() ? "submitted" : "is there already",
                  outcome.run().description().firstRound(),
                  from.spec().run()));
      return train ? train(outcome.run(), checked, display) : 0;
    }
  }

  /** The file of the run it goes on from: it travels on. */
  private static ModelFile file(Run from) {
    try (var log = new KafkaRunLog(from)) {
      return ModelFile.of(log);
    }
  }

  private void requireOrigin(Run forked, Run from) {
    final var origin = forked.description().origin();
    if (origin.isEmpty()
        || !origin.get().getRun().equals(from.spec().run())
        || origin.get().getVersion() != version) {
      throw new UserError(
          "--as: run %s is there already and began %s; choose another name"
              .formatted(
                  name,
                  origin
                      .map(
                          of -> "from version %d of run %s".formatted(of.getVersion(), of.getRun()))
                      .orElse("by itself")));
    }
  }

  private Fork fork(Run from, RunSpec forked, ProgressDisplay display) {
    try (var log = new KafkaRunLog(from)) {
      final ForkPoint point =
          ForkPoint.at(
              log,
              version,
              round -> display.progress("round %d of %d".formatted(round + 1, version)));
      return new Fork(point, forked);
    }
  }

  private Map<Role, Signer> signers(RunSpec of) {
    return key.signers(of, Training.roles(of));
  }

  private int train(Run run, CheckedSpec checked, ProgressDisplay display) throws IOException {
    final RunDirectory directory = options.directory().fork(name);
    Logging.toFile(directory.log());
    try (var stop = new StopSignal()) {
      new Training(run, directory, signers(checked.spec()), display, stop)
          .run(checked.spec().compute().workers(), checked.models());
      return stop.isRaised() ? INTERRUPTED : 0;
    }
  }
}
