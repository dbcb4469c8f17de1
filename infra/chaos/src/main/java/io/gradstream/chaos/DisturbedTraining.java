package io.gradstream.chaos;

import io.gradstream.chaos.Fault.Role;
import io.gradstream.proto.run.Run;
import io.gradstream.submission.Pause;
import io.gradstream.submission.weights.Weights;
import io.gradstream.submission.weights.WeightsReader;
import java.nio.file.Path;
import java.time.Duration;
import java.util.function.BiConsumer;

/**
 * One training of a campaign: its processes, and the faults that are done to them. After a fault
 * that stops the run, it waits until the run moves again, which is the recovery time. One thread.
 */
final class DisturbedTraining implements AutoCloseable {
  /** How long a send of a role is tried, by the roles' client settings. */
  static final int DELIVERY_MS = 4000;

  /** How long an order is a worker's before others get it. */
  static final int LOCK_MS = 2000;

  private static final Duration LOOK = Duration.ofMillis(50);
  private static final Duration STANDSTILL = Duration.ofMinutes(3);
  private static final Duration LONGER_THAN_A_SEND = Duration.ofMillis(DELIVERY_MS + 1500);
  private static final Duration STEP = Duration.ofHours(1);

  private final Run run;
  private final Path directory;
  private final BrokerProcesses brokers;
  private final TrainingProcesses fleet;
  private final HostileProducer hostile;
  private final RoundFollower watch;
  private final BiConsumer<String, Double> recovered;
  private int restarted;

  /**
   * @param fleet the run's processes, not started yet; closed with this
   * @param recovered told of each fault that stopped the run, and how many seconds it took until
   *     the run moved again
   */
  DisturbedTraining(
      Run run,
      Path directory,
      BrokerProcesses brokers,
      TrainingProcesses fleet,
      long seed,
      BiConsumer<String, Double> recovered) {
    this.run = run;
    this.directory = directory;
    this.brokers = brokers;
    this.fleet = fleet;
    this.hostile = new HostileProducer(run, seed);
    this.watch = new RoundFollower(run);
    this.recovered = recovered;
  }

  /** Starts the processes and waits for the first round. */
  void start() {
    fleet.start();
    awaitRounds(1);
  }

  boolean isOver() {
    return watch.poll() >= run.spec().rounds();
  }

  /** Waits for what comes, without a fault. */
  void rest() {
    keepRunning();
  }

  /** Processes that ended by themselves and were started again. */
  int restarted() {
    return restarted + fleet.restarted();
  }

  /** Lets the run go on for so long. */
  void rest(Duration time) {
    final long until = System.nanoTime() + time.toNanos();
    do {
      watch.poll();
      keepRunning();
    } while (System.nanoTime() < until);
  }

  /** Does what a fault says, and waits until the run has got over it. */
  void disturb(Fault fault) {
    final CommandProcess process =
        fault.role() == Role.BROKER ? brokers.of(fault.draw()) : fleet.of(fault.role());
    switch (fault.kind()) {
      case KILL -> restart(fault, process, () -> {});
      case LOSE_TAIL ->
          restart(fault, process, () -> TailLoss.cut(brokers.logs(process), fault.draw()));
      case PAUSE -> {
        process.pause();
        rest(fault.role() == Role.BROKER ? LONGER_THAN_A_SEND : Duration.ofMillis(LOCK_MS + 500));
        process.resume();
        awaitRecovery(fault);
      }
      case TERMINATE -> {
        process.terminate();
        process.start();
        awaitRounds(2);
      }
      case REFUSE_SENDS -> {
        try (var _ = new Refusal(run, fault.role(), fault.draw(), brokers.count() + 1)) {
          rest(LONGER_THAN_A_SEND);
        }
        awaitRecovery(fault);
      }
      case LINK_DOWN -> {
        process.host().setLink(false);
        try {
          rest(LONGER_THAN_A_SEND);
        } finally {
          process.host().setLink(true);
        }
        awaitRecovery(fault);
      }
      case CLOCK_STEP -> stepClock(fault, process);
      case JOIN_OR_LEAVE -> fleet.joinOrLeave(fault.role());
      case DUPLICATE -> hostile.repeat();
      case BAD_RECORD -> hostile.send(fault.record());
      case HOSTILE_RECORDS -> {
        HostileRecords.send(run, watch.seen());
        awaitRounds(2);
      }
    }
  }

  /**
   * Sets a clock an hour back or forth, and right again. While it was just set back, a broker
   * restarts too: Kafka's clients find it by their clock.
   */
  private void stepClock(Fault fault, CommandProcess process) {
    final boolean forth = fault.draw() % 2 == 0;
    process.host().setClock(forth ? STEP : STEP.negated());
    awaitRounds(2);
    if (forth) {
      process.host().setClock(Duration.ZERO);
      awaitRounds(2);
    }
    final CommandProcess broker = brokers.of(fault.draw());
    broker.kill();
    broker.start();
    awaitRounds(2);
    process.host().setClock(Duration.ZERO);
    awaitRecovery(fault);
  }

  private void restart(Fault fault, CommandProcess process, Runnable whileItIsGone) {
    final long killed = System.nanoTime();
    process.kill();
    whileItIsGone.run();
    if (fault.role() != Role.BROKER) {
      watch.catchUp();
    }
    process.start();
    // The arbitrator may end a round without the others; the round after needs them all.
    awaitRounds(fault.role() == Role.ARBITRATOR ? 1 : 2);
    recovered.accept(fault.label(), (System.nanoTime() - killed) / 1e9);
  }

  private void awaitRecovery(Fault fault) {
    final long ended = System.nanoTime();
    awaitRounds(2);
    recovered.accept(fault.label(), (System.nanoTime() - ended) / 1e9);
  }

  /** Waits until the run has ended so many more rounds, or has no more. */
  private void awaitRounds(int more) {
    final long wanted = Math.min(watch.seen() + more, run.spec().rounds());
    final long limit = System.nanoTime() + STANDSTILL.toNanos();
    while (watch.poll() < wanted) {
      keepRunning();
      if (System.nanoTime() > limit) {
        throw new IllegalStateException(
            "%s ends no round for %s, see %s".formatted(run.spec().run(), STANDSTILL, directory));
      }
    }
  }

  /** The weights of the last round, once they are published. */
  Weights awaitLast() {
    final long limit = System.nanoTime() + STANDSTILL.toNanos();
    while (System.nanoTime() < limit) {
      final var latest = new WeightsReader(run).latest();
      if (latest.isPresent() && latest.get().version() >= run.spec().rounds()) {
        return latest.get();
      }
      keepRunning();
      Pause.of(LOOK);
    }
    throw new IllegalStateException("the last weights did not come, see " + directory);
  }

  private void keepRunning() {
    fleet.keepRunning();
    restarted += brokers.keepRunning();
  }

  @Override
  public void close() {
    fleet.close();
    hostile.close();
    watch.close();
  }
}
