package io.gradstream.chaos;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.gradstream.chaos.Fault.Kind;
import io.gradstream.proto.UserError;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.topic.Connection;
import io.gradstream.submission.CheckedSpec;
import io.gradstream.submission.Submission;
import io.gradstream.submission.weights.Weights;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A campaign of faults against a run.
 *
 * <p>First {@code train} gives the undisturbed weights. Then the run is trained under faults, with
 * a process for each role and one for the broker, again and again under other names until the time
 * is over; the last training goes to its end without faults. Faults come one after another ({@link
 * DisturbedTraining}).
 *
 * <p>Processes that end by themselves, such as a service whose broker was away when it started, are
 * started again and counted. Nothing is left running. One thread.
 */
public final class Campaign implements AutoCloseable {
  private static final String HEAP = "384m";

  private final CheckedSpec checked;
  private final Path directory;
  private final Set<Kind> kinds;
  private final long seed;
  private final BooleanSupplier stopped;
  private final Consumer<String> progress;
  private final @Nullable Network network;
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
   * @param faults the kinds that are wanted; all that can be done here if there are none
   * @param stopped asked whether somebody wants the campaign to end
   * @param progress told what happens, line by line
   * @throws UserError if a kind does not exist or cannot be done here
   */
  public Campaign(
      CheckedSpec checked,
      Path directory,
      int brokerCount,
      Collection<String> faults,
      long seed,
      BooleanSupplier stopped,
      Consumer<String> progress) {
    this.checked = checked;
    this.directory = directory.toAbsolutePath();
    this.seed = seed;
    this.stopped = stopped;
    this.progress = progress;
    this.network = Network.create().orElse(null);
    this.kinds = kinds(faults, brokerCount);
    this.brokers =
        new BrokerProcesses(
            brokerCount, this.directory, HEAP, network == null ? null : network.address());
  }

  /** Runs the campaign; faults go on for so long. */
  public CampaignReport run(Duration length) throws IOException {
    final long start = System.nanoTime();
    final String expected = undisturbed();
    progress.accept("undisturbed weights: " + expected);
    final var schedule = new FaultSchedule(seed, kinds);
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
    final var overrides =
        new ArrayList<>(
            List.of(
                "run=" + name,
                "evaluation.every=0",
                "max-norm-ratio=" + HostileProducer.ABSURD / 1000,
                "orders.timeout-ms=" + DisturbedTraining.LOCK_MS,
                "transport.replication=" + replication));
    if (checked.initial() != null) {
      overrides.add("initial-weights.file=" + checked.initial().path());
    }
    return RunSpec.parse(checked.spec().text(), "the campaign's spec", overrides);
  }

  private String undisturbed() throws IOException {
    final Path file = directory.resolve("undisturbed.yaml");
    Files.writeString(file, spec("undisturbed", 1).text());
    checked.file().writeBeside(file);
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
  private String train(String bootstrap, FaultSchedule schedule, Duration length)
      throws IOException {
    final String name = checked.spec().run() + "-" + (digests.size() + 1);
    final var disturbed =
        new CheckedSpec(
            spec(name, brokers.count()),
            checked.models(),
            checked.command(),
            checked.file(),
            checked.initial());
    final Run run = Submission.submit(disturbed, Connection.to(bootstrap)).run();
    final var fleet =
        new TrainingProcesses(
            name,
            addressOfRoles(bootstrap),
            clientSettings(),
            directory,
            HEAP,
            checked.command(),
            network);
    try (var training =
        new DisturbedTraining(
            run, directory, brokers, fleet, seed + digests.size(), this::recovered)) {
      training.start();
      if (digests.isEmpty()) {
        firstFaultNanos = System.nanoTime();
      }
      while (!training.isOver()) {
        if (stopped.getAsBoolean()) {
          throw new UserError("interrupted; a campaign has to be run from its beginning");
        }
        if (System.nanoTime() - firstFaultNanos >= length.toNanos()) {
          training.rest();
          continue;
        }
        final Fault fault = schedule.next();
        training.rest(Duration.ofMillis(fault.pauseMs()));
        if (!training.isOver()) {
          faults.merge(fault.label(), 1, Integer::sum);
          training.disturb(fault);
        }
      }
      final Weights weights = training.awaitLast();
      rounds += weights.version();
      restarted += training.restarted();
      progress.accept(
          "training %d: %d faults so far, weights %s"
              .formatted(digests.size() + 1, total(), weights.sha256()));
      return weights.sha256();
    }
  }

  private void recovered(String fault, double seconds) {
    recoveries.computeIfAbsent(fault, _ -> new ArrayList<>()).add(seconds);
  }

  /** Roles that have links of their own reach the brokers at another address. */
  private String addressOfRoles(String bootstrap) {
    return network == null ? bootstrap : brokers.outsideAddresses();
  }

  /** A send fails within seconds, so that a campaign sees what a long outage does. */
  private Path clientSettings() throws IOException {
    final Path file = directory.resolve("clients.properties");
    Files.writeString(
        file,
        "delivery.timeout.ms=%d%nrequest.timeout.ms=%d%nmax.block.ms=%d%n"
            .formatted(
                DisturbedTraining.DELIVERY_MS,
                DisturbedTraining.DELIVERY_MS / 2,
                DisturbedTraining.DELIVERY_MS));
    return file;
  }

  private Set<Kind> kinds(Collection<String> wanted, int brokerCount) {
    final Set<Kind> possible = possible(brokerCount);
    if (wanted.isEmpty()) {
      return possible;
    }
    final var kinds = EnumSet.noneOf(Kind.class);
    for (final String label : wanted) {
      kinds.add(
          possible.stream()
              .filter(kind -> kind.label().equals(label))
              .findFirst()
              .orElseThrow(
                  () ->
                      new UserError(
                          "--faults: no %s here; there are %s"
                              .formatted(label, possible.stream().map(Kind::label).toList()))));
    }
    return kinds;
  }

  private Set<Kind> possible(int brokerCount) {
    final var possible = EnumSet.allOf(Kind.class);
    if (network == null) {
      possible.remove(Kind.LINK_DOWN);
      progress.accept("without links that go down: this needs Linux, root and the command ip");
    }
    if (Host.clockLibrary().isEmpty()) {
      possible.remove(Kind.CLOCK_STEP);
      progress.accept("without clocks that are moved: this needs libfaketime");
    }
    if (brokerCount == 1) {
      // Nobody else has what a single broker loses.
      possible.remove(Kind.LOSE_TAIL);
    }
    return possible;
  }

  private int total() {
    return faults.values().stream().mapToInt(Integer::intValue).sum();
  }

  @Override
  public void close() {
    try (network) {
      brokers.close();
    }
  }
}
