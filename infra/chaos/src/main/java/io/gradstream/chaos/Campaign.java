package io.gradstream.chaos;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.gradstream.chaos.Fault.Role;
import io.gradstream.proto.UserError;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.topic.Connection;
import io.gradstream.submission.CheckedSpec;
import io.gradstream.submission.Pause;
import io.gradstream.submission.Submission;
import io.gradstream.weights.Weights;
import io.gradstream.weights.WeightsReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * A campaign of faults against a run.
 *
 * <p>First {@code train} gives the undisturbed weights. Then the run is trained under faults, with
 * a process for each role and one for the broker, again and again under other names until the time
 * is over; the last training goes to its end without faults. Faults come one after another; after a
 * kill the campaign waits until the run moves again, which is the recovery time.
 *
 * <p>Processes that end by themselves, such as a service whose broker was away when it started, are
 * started again and counted. Nothing is left running. One thread.
 */
public final class Campaign implements AutoCloseable {
  private static final Duration POLL_INTERVAL = Duration.ofMillis(50);
  private static final Duration STANDSTILL_TIMEOUT = Duration.ofMinutes(3);
  private static final int LOCK_MS = 2000;
  private static final String HEAP = "384m";

  private final CheckedSpec checked;
  private final Path directory;
  private final long seed;
  private final BooleanSupplier stopped;
  private final Consumer<String> progress;
  private final BrokerProcesses brokers;
  private final SortedMap<String, Integer> faults = new TreeMap<>();
  private final SortedMap<String, List<Double>> recoveries = new TreeMap<>();
  private final List<String> digests = new ArrayList<>();
  private long rounds;
  private int restarted;
  private long firstFaultNanos;

  /**
   * @param checked what to train; evaluation is left out, and order locks are short
   * @param directory where data and logs go
   * @param brokerCount 1, or several that replicate every record
   * @param stopped asked whether somebody wants the campaign to end
   * @param progress told what happens, line by line
   */
  public Campaign(
      CheckedSpec checked,
      Path directory,
      int brokerCount,
      long seed,
      BooleanSupplier stopped,
      Consumer<String> progress) {
    this.checked = checked;
    this.directory = directory.toAbsolutePath();
    this.seed = seed;
    this.stopped = stopped;
    this.progress = progress;
    this.brokers = new BrokerProcesses(brokerCount, this.directory, HEAP);
  }

  /** Runs the campaign; faults go on for so long. */
  public CampaignReport run(Duration length) throws IOException {
    final long start = System.nanoTime();
    final String expected = undisturbed();
    progress.accept("undisturbed weights: " + expected);
    final var schedule = new FaultSchedule(seed);
    final String bootstrap = brokers.start();
    do {
      digests.add(train(bootstrap, schedule, length));
    } while (System.nanoTime() - firstFaultNanos < length.toNanos() && !stopped.getAsBoolean());
    return new CampaignReport(
        seed,
        (System.nanoTime() - start) / 1e9,
        faults,
        recoveries,
        digests.size(),
        rounds,
        restarted,
        expected,
        digests);
  }

  private RunSpec spec(String name, int replication) {
    return RunSpec.parse(
        checked.spec().text(),
        "the campaign's spec",
        List.of(
            "run=" + name,
            "evaluation.every=0",
            "max-norm-ratio=" + HostileProducer.ABSURD / 1000,
            "orders.timeout-ms=" + LOCK_MS,
            "transport.replication=" + replication));
  }

  private String undisturbed() throws IOException {
    final Path file = directory.resolve("undisturbed.yaml");
    Files.writeString(file, spec("undisturbed", 1).text());
    try (var train =
        new CommandProcess(
            "undisturbed",
            "1g",
            directory,
            List.of(
                "train",
                file.toString(),
                "--json",
                "--data-dir",
                directory.resolve("undisturbed").toString()))) {
      train.start();
      if (train.await() != 0) {
        throw new IllegalStateException("the undisturbed training failed, see " + train.log());
      }
      return new ObjectMapper()
          .readTree(Files.readAllLines(train.log()).getLast())
          .get("weights_sha256")
          .asText();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while training", e);
    }
  }

  /** One training under faults, and the digest of its weights. */
  private String train(String bootstrap, FaultSchedule schedule, Duration length) {
    final String name = checked.spec().run() + "-" + (digests.size() + 1);
    final var disturbed = new CheckedSpec(spec(name, brokers.count()), checked.models());
    final Run run = Submission.submit(disturbed, Connection.to(bootstrap)).run();
    try (var processes = new TrainingProcesses(name, bootstrap, directory, HEAP);
        var hostile = new HostileProducer(run, seed + digests.size());
        var watch = new RoundFollower(run)) {
      processes.start();
      awaitRounds(1, run, watch, processes);
      if (digests.isEmpty()) {
        firstFaultNanos = System.nanoTime();
      }
      while (watch.poll() < run.spec().rounds()) {
        if (stopped.getAsBoolean()) {
          throw new UserError("interrupted; a campaign has to be run from its beginning");
        }
        if (System.nanoTime() - firstFaultNanos < length.toNanos()) {
          disturb(schedule.next(), run, processes, hostile, watch);
        } else {
          keepRunning(processes);
        }
      }
      final Weights weights = awaitLast(run, processes);
      rounds += weights.version();
      restarted += processes.restarted();
      progress.accept(
          "training %d: %d faults so far, weights %s"
              .formatted(digests.size() + 1, total(), weights.sha256()));
      return weights.sha256();
    }
  }

  private int total() {
    return faults.values().stream().mapToInt(Integer::intValue).sum();
  }

  private void disturb(
      Fault fault,
      Run run,
      TrainingProcesses processes,
      HostileProducer hostile,
      RoundFollower watch) {
    pollFor(Duration.ofMillis(fault.pauseMs()), watch, processes);
    if (watch.poll() >= run.spec().rounds()) {
      return;
    }
    faults.merge(fault.label(), 1, Integer::sum);
    final CommandProcess process =
        fault.role() == Role.BROKER ? brokers.of(total()) : processes.of(fault.role());
    switch (fault.kind()) {
      case KILL -> {
        final long killed = System.nanoTime();
        process.kill();
        if (fault.role() != Role.BROKER) {
          watch.catchUp();
        }
        process.start();
        // The arbitrator may end one round without the other services; the next round needs all of
        // them.
        awaitRounds(fault.role() == Role.ARBITRATOR ? 1 : 2, run, watch, processes);
        recoveries
            .computeIfAbsent(fault.role().label(), role -> new ArrayList<>())
            .add((System.nanoTime() - killed) / 1e9);
      }
      case PAUSE -> {
        process.pause();
        pollFor(Duration.ofMillis(LOCK_MS + 500), watch, processes);
        process.resume();
      }
      case TERMINATE -> {
        process.terminate();
        process.start();
        awaitRounds(2, run, watch, processes);
      }
      case JOIN_OR_LEAVE -> processes.joinOrLeave(fault.role());
      case DUPLICATE -> hostile.repeat();
      case BAD_RECORD -> hostile.send(fault.record());
    }
  }

  /** Waits until the run has ended so many more rounds, or has no more. */
  private void awaitRounds(int more, Run run, RoundFollower watch, TrainingProcesses processes) {
    final long wanted = Math.min(watch.seen() + more, run.spec().rounds());
    final long limit = System.nanoTime() + STANDSTILL_TIMEOUT.toNanos();
    while (watch.poll() < wanted) {
      keepRunning(processes);
      if (System.nanoTime() > limit) {
        throw new IllegalStateException(
            "%s ends no round for %s, see %s"
                .formatted(run.spec().run(), STANDSTILL_TIMEOUT, directory));
      }
    }
  }

  private Weights awaitLast(Run run, TrainingProcesses processes) {
    final long limit = System.nanoTime() + STANDSTILL_TIMEOUT.toNanos();
    while (System.nanoTime() < limit) {
      final var latest = new WeightsReader(run).latest();
      if (latest.isPresent() && latest.get().version() >= run.spec().rounds()) {
        return latest.get();
      }
      keepRunning(processes);
      Pause.of(POLL_INTERVAL);
    }
    throw new IllegalStateException("the last weights did not come, see " + directory);
  }

  private void pollFor(Duration time, RoundFollower watch, TrainingProcesses processes) {
    final long until = System.nanoTime() + time.toNanos();
    do {
      watch.poll();
      keepRunning(processes);
    } while (System.nanoTime() < until);
  }

  private void keepRunning(TrainingProcesses processes) {
    processes.keepRunning();
    restarted += brokers.keepRunning();
  }

  @Override
  public void close() {
    brokers.close();
  }
}
