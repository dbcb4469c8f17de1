package io.gradstream.cli;

import io.gradstream.audit.restore.PastWeights;
import io.gradstream.cli.progress.ProgressLine;
import io.gradstream.cli.progress.Refusals;
import io.gradstream.cli.progress.RefusedSlots;
import io.gradstream.cli.progress.Report;
import io.gradstream.cli.progress.RunReader;
import io.gradstream.cli.progress.RunSize;
import io.gradstream.cli.progress.RunSummary;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.producer.worker.WorkerIdentity;
import io.gradstream.proto.UserError;
import io.gradstream.proto.evidence.Signer;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.log.KafkaRunLog;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.spec.ListedKey.Role;
import io.gradstream.proto.spec.OnDivergence;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.submission.Pause;
import io.gradstream.submission.weights.Safetensors;
import io.gradstream.submission.weights.Weights;
import io.gradstream.submission.weights.WeightsReader;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/**
 * All services of a run in this process, from where the run is to its end or to an interruption.
 *
 * <p>Its progress is read from its topics, as any other process could read it. The run is over when
 * the weights of its last round are published and, where it is validated, evaluated. One thread.
 */
final class Training {
  private static final Duration POLL_INTERVAL = Duration.ofMillis(250);

  /** Between two looks for lost gradients, which read all statistics. */
  private static final long LOSS_NANOS = Duration.ofSeconds(10).toNanos();

  private final Run run;
  private final RunDirectory directory;
  private final Map<Role, Signer> signers;
  private final WorkerIdentity identity;
  private final ProgressDisplay display;
  private final StopSignal stop;
  private long lookedForLossNanos = System.nanoTime() - LOSS_NANOS;
  private Optional<RefusedSlots.Refusal> examinedRefusal = Optional.empty();

  /**
   * @param signers who signs for the services, where somebody has to
   */
  Training(
      Run run,
      RunDirectory directory,
      Map<Role, Signer> signers,
      ProgressDisplay display,
      StopSignal stop) {
    this.run = run;
    this.directory = directory;
    this.signers = Map.copyOf(signers);
    this.identity = WorkerIdentity.of(signers.get(Role.WORKER));
    this.display = display;
    this.stop = stop;
  }

  /** The roles that work in the process: without validation there is no evaluator. */
  static Role[] roles(RunSpec spec) {
    return spec.evaluation().every() > 0
        ? new Role[] {Role.WORKER, Role.SERVER, Role.EVALUATOR}
        : new Role[] {Role.WORKER, Role.SERVER};
  }

  /**
   * Trains and shows it.
   *
   * @param workers worker threads
   * @param models makes a model for each of them
   * @throws IOException if the model cannot be written
   */
  Report run(int workers, Supplier<TaskModel> models) throws IOException {
    try (var reader = new RunReader(run)) {
      final RunSummary summary = reader.catchUp();
      final long before = summary.rounds();
      final boolean wasFinished = isFinished(summary);
      final long start = System.nanoTime();
      announce(before, wasFinished);
      if (!wasFinished) {
        new DiskSpace(run, directory).requireRoomFor(run.spec().rounds() - before);
        work(reader, workers, models);
        reader.catchUp();
      }
      final double elapsed = (System.nanoTime() - start) / 1e9;
      final Optional<Weights> weights = new WeightsReader(run).latest();
      final var report =
          new Report(
              run.spec().run(),
              run.spec().rounds(),
              summary,
              weights.map(Weights::version).orElse(-1L),
              weights.map(Weights::sha256).orElse(null),
              wasFinished ? summary.readRounds() : summary.rounds() - before,
              wasFinished ? summary.secondsSinceStart() : elapsed);
      conclude(report, weights);
      return report;
    }
  }

  private void announce(long done, boolean finished) {
    final String name = run.spec().run();
    final long rounds = run.spec().rounds();
    if (finished) {
      display.print("run " + name + " is finished; its results:");
      return;
    }
    display.print(
        "run %s: %,d parameters, %d tasks, %s; Kafka at %s, everything kept in %s"
            .formatted(
                name,
                run.manifest().parameters(),
                run.manifest().tasks().size(),
                done == 0 ? rounds + " rounds" : "goes on after round " + done + " of " + rounds,
                run.connection().bootstrap(),
                directory.path()));
  }

  private void work(RunReader reader, int workers, Supplier<TaskModel> models) {
    try (var services = new Services(run)) {
      services.startServer(
          Instance.free("server", directory.states()), true, signers.get(Role.SERVER));
      services.startArbitrator(Instance.free("arbitrator", directory.states()), true);
      services.startWorkers(workers, Set.copyOf(run.manifest().tasks()), models, identity);
      if (run.spec().evaluation().every() > 0) {
        services.startEvaluator(models, signers.get(Role.EVALUATOR));
      }
      final var line = new ProgressLine(run.spec().rounds());
      final var disk = new DiskSpace(run, directory);
      RunSummary summary = reader.poll();
      while (!stop.isRaised() && !isFinished(summary)) {
        services.keepRunning();
        display.progress(line.at(summary, System.nanoTime()));
        requireProgress(summary);
        disk.check();
        // A pause, since a reader that waits for records would ask the broker again after each of
        // them.
        Pause.of(POLL_INTERVAL);
        summary = reader.poll();
      }
    }
  }

  /**
   * Requires that the open round can end. It cannot where a gradient that this process computed is
   * refused again and again, since it would compute the same once more. What other processes send
   * does not matter.
   *
   * @throws UserError if a gradient of this process was refused again and again, or the arbitrator
   *     found that the round cannot end
   */
  private void requireProgress(RunSummary summary) {
    if (summary.decidedRoundWaitedFor().isPresent()
        && System.nanoTime() - lookedForLossNanos > LOSS_NANOS) {
      lookedForLossNanos = System.nanoTime();
      Refusals.lost(run, summary)
          .ifPresent(
              lost -> {
                throw new UserError("run %s: %s".formatted(run.spec().run(), lost));
              });
    }
    if (Refusals.skips(run, summary)) {
      return;
    }
    Refusals.found(run, summary)
        .ifPresent(
            found -> {
              throw new UserError("run %s: %s".formatted(run.spec().run(), found));
            });
    final Optional<RefusedSlots.Refusal> refusal = summary.refusal();
    if (run.spec().onDivergence() == OnDivergence.SKIP_ROUND
        || refusal.isEmpty()
        || refusal.equals(examinedRefusal)) {
      return;
    }
    examinedRefusal = refusal;
    Refusals.repeated(run, refusal.get())
        .filter(letter -> letter.getWorker().startsWith(identity.name() + "/"))
        .ifPresent(
            letter -> {
              throw new UserError(
                  "run %s: %s"
                      .formatted(
                          run.spec().run(),
                          Refusals.text(run, refusal.get(), letter, summary.bestVersion())));
            });
  }

  private boolean isFinished(RunSummary summary) {
    return new RunEnd(run).isReached(summary);
  }

  /**
   * The weights as the parameter server has them. Where they travel as bfloat16 they are computed
   * from the log, so that the model has its full precision.
   */
  private Weights inFullPrecision(Weights published) {
    if (run.spec().transport().valueType() == ValueType.FLOAT32) {
      return published;
    }
    try (var log = new KafkaRunLog(run)) {
      return new Weights(
          published.version(), PastWeights.restore(log, published.version()).values());
    }
  }

  private void conclude(Report report, Optional<Weights> weights) throws IOException {
    final RunSummary summary = report.summary();
    if (summary.rounds() < report.rounds()) {
      display.print(
          "stopped after round "
              + summary.rounds()
              + " of "
              + report.rounds()
              + "; the same command goes on");
      return;
    }
    if (weights.isPresent()) {
      Safetensors.write(
          directory.model(),
          run.description(),
          inFullPrecision(weights.get()),
          ValueType.FLOAT32,
          weights.get().sha256());
    }
    display.print("");
    display.print(report.table());
    display.print("model       " + directory.model());
    display.print(
        "log         "
            + directory.log()
            + "; "
            + RunSize.of(run).map(RunSize::text).orElse("of unknown size"));
  }
}
