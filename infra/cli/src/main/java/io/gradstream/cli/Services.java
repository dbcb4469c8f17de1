package io.gradstream.cli;

import io.gradstream.arbitrator.topology.Arbitrator;
import io.gradstream.producer.evaluator.Evaluator;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.producer.worker.WorkerFleet;
import io.gradstream.producer.worker.WorkerIdentity;
import io.gradstream.proto.UserError;
import io.gradstream.proto.evidence.Signer;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.run.RunPlugins;
import io.gradstream.proto.streams.StreamsService;
import io.gradstream.proto.topic.ClockWatch;
import io.gradstream.server.topology.ParameterServer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.apache.kafka.common.errors.FencedInstanceIdException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The services of a run that work in this process; closed in reverse order of their start.
 *
 * <p>Where the machine's clock is set back all begin anew, since their clients would not find a
 * broker that restarts, see {@link ClockWatch}. One thread.
 */
final class Services implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Services.class);

  /**
   * A service that works until closed.
   *
   * @param failure why it stopped by itself, if it did
   * @param isDone whether it has nothing left to do in a run that is over
   */
  private record Service(
      Supplier<Optional<Throwable>> failure, BooleanSupplier isDone, Runnable close) {
    Service(Supplier<Optional<Throwable>> failure, Runnable close) {
      this(failure, () -> true, close);
    }
  }

  private final Run run;
  private final ClockWatch clock;
  private final List<Supplier<Service>> kinds = new ArrayList<>();
  private final Deque<Service> started = new ArrayDeque<>();
  private final List<Instance> instances = new ArrayList<>();

  /**
   * @throws io.gradstream.proto.UserError if an older version began the run
   */
  Services(Run run) {
    this(run, ClockWatch.ofSystem());
  }

  Services(Run run, ClockWatch clock) {
    run.description().requireCurrent();
    this.run = run;
    this.clock = clock;
  }

  /**
   * Starts a parameter server.
   *
   * @param leaves whether the instance does not come back under its name once it has ended
   * @param signer signs its weights; null where nobody has to
   */
  void startServer(Instance instance, boolean leaves, @Nullable Signer signer) {
    RunPlugins.require(run.description(), RunPlugins.SERVER);
    instances.add(instance);
    start(
        () ->
            streams(ParameterServer.start(run, instance.name(), instance.state(), signer), leaves));
  }

  /**
   * Starts an arbitrator.
   *
   * @param leaves whether the instance does not come back under its name once it has ended
   */
  void startArbitrator(Instance instance, boolean leaves) {
    RunPlugins.require(run.description(), RunPlugins.ARBITRATOR);
    instances.add(instance);
    start(() -> streams(Arbitrator.start(run, instance.name(), instance.state()), leaves));
  }

  private static Service streams(StreamsService service, boolean leaves) {
    return new Service(service::failure, leaves ? service::leave : service::close);
  }

  void startWorkers(
      int count, Set<String> tasks, Supplier<TaskModel> models, WorkerIdentity identity) {
    RunPlugins.require(run.description(), RunPlugins.PRODUCER);
    start(
        () -> {
          final WorkerFleet fleet = WorkerFleet.start(run, count, tasks, models, identity);
          return new Service(fleet::failure, fleet::close);
        });
  }

  /**
   * Starts an evaluator.
   *
   * @param signer signs its losses; null where nobody has to
   */
  void startEvaluator(Supplier<TaskModel> models, @Nullable Signer signer) {
    RunPlugins.require(run.description(), RunPlugins.PRODUCER);
    start(
        () -> {
          final Evaluator evaluator = Evaluator.start(run, models, signer);
          return new Service(evaluator::failure, evaluator::finished, evaluator::close);
        });
  }

  private void start(Supplier<Service> kind) {
    kinds.add(kind);
    started.push(kind.get());
  }

  /** Whether the evaluators among the services have evaluated the last version. */
  boolean evaluated() {
    return started.stream().allMatch(service -> service.isDone().getAsBoolean());
  }

  /**
   * Requires that no service has stopped by itself, and starts all anew where the clock was set
   * back.
   *
   * @throws UserError if somebody can do something about it
   * @throws IllegalStateException with the reason, if not
   */
  void keepRunning() {
    for (final Service service : started) {
      service
          .failure()
          .get()
          .ifPresent(
              failure -> {
                throw describe(failure);
              });
    }
    if (clock.wentBack()) {
      LOG.warn(
          "run {}: this machine's clock was set back; the services of this process start anew, since Kafka's clients would not find a restarted broker",
          run.spec().run());
      stop();
      kinds.forEach(kind -> started.push(kind.get()));
    }
  }

  private RuntimeException describe(Throwable failure) {
    if (failure instanceof UserError mistake) {
      return mistake;
    }
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof FencedInstanceIdException) {
        return new UserError(
            "another process took this one's place in run %s, under the same name; give each its own --instance"
                .formatted(run.spec().run()),
            failure);
      }
    }
    return new IllegalStateException("a service of run " + run.spec().run() + " stopped", failure);
  }

  private void stop() {
    while (!started.isEmpty()) {
      started.pop().close().run();
    }
  }

  /** Stops the services, and then releases the names that they worked under. */
  @Override
  public void close() {
    stop();
    instances.forEach(Instance::close);
  }
}
