package io.gradstream.cli;

import io.gradstream.arbitrator.topology.Arbitrator;
import io.gradstream.producer.evaluator.Evaluator;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.producer.worker.WorkerFleet;
import io.gradstream.producer.worker.WorkerIdentity;
import io.gradstream.proto.UserError;
import io.gradstream.proto.evidence.Signer;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.streams.StreamsService;
import io.gradstream.server.topology.ParameterServer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.apache.kafka.common.errors.FencedInstanceIdException;
import org.jspecify.annotations.Nullable;

/**
 * The services of a run that work in this process; closed in reverse order of their start. One
 * thread.
 */
final class Services implements AutoCloseable {
  /** A service that works until closed. */
  private interface Service extends AutoCloseable {
    Optional<Throwable> failure();

    @Override
    void close();
  }

  private final Run run;
  private final Deque<Service> started = new ArrayDeque<>();
  private final List<Evaluator> evaluators = new ArrayList<>();

  /**
   * @throws io.gradstream.proto.UserError if an older version began the run
   */
  Services(Run run) {
    run.description().requireCurrent();
    this.run = run;
  }

  /**
   * Starts a parameter server.
   *
   * @param leaves whether the instance does not come back under its name once it has ended
   * @param signer signs its weights; null where nobody has to
   */
  void startServer(Instance instance, boolean leaves, @Nullable Signer signer) {
    add(instance);
    add(ParameterServer.start(run, instance.name(), instance.state(), signer), leaves);
  }

  /**
   * Starts an arbitrator.
   *
   * @param leaves whether the instance does not come back under its name once it has ended
   */
  void startArbitrator(Instance instance, boolean leaves) {
    add(instance);
    add(Arbitrator.start(run, instance.name(), instance.state()), leaves);
  }

  /** Releases the instance after the service that works under its name. */
  private void add(Instance instance) {
    add(Optional::empty, instance::close);
  }

  void startWorkers(
      int count, Set<String> tasks, Supplier<TaskModel> models, WorkerIdentity identity) {
    final WorkerFleet fleet = WorkerFleet.start(run, count, tasks, models, identity);
    add(fleet::failure, fleet::close);
  }

  /**
   * Starts an evaluator.
   *
   * @param signer signs its losses; null where nobody has to
   */
  void startEvaluator(Supplier<TaskModel> models, @Nullable Signer signer) {
    final Evaluator evaluator = Evaluator.start(run, models, signer);
    add(evaluator::failure, evaluator::close);
    evaluators.add(evaluator);
  }

  /** Whether the evaluators that were started have evaluated the last version. */
  boolean evaluated() {
    return evaluators.stream().allMatch(Evaluator::finished);
  }

  private void add(StreamsService service, boolean leaves) {
    add(service::failure, leaves ? service::leave : service::close);
  }

  private void add(Supplier<Optional<Throwable>> failure, Runnable close) {
    started.push(
        new Service() {
          @Override
          public Optional<Throwable> failure() {
            return failure.get();
          }

          @Override
          public void close() {
            close.run();
          }
        });
  }

  /**
   * Requires that no service has stopped by itself.
   *
   * @throws UserError if somebody can do something about it
   * @throws IllegalStateException with the reason, if not
   */
  void requireRunning() {
    for (final Service service : started) {
      service
          .failure()
          .ifPresent(
              failure -> {
                throw describe(failure);
              });
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

  @Override
  public void close() {
    while (!started.isEmpty()) {
      started.pop().close();
    }
  }
}
