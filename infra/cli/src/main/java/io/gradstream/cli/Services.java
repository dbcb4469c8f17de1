package io.gradstream.cli;

import io.gradstream.arbitrator.topology.Arbitrator;
import io.gradstream.producer.evaluator.Evaluator;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.producer.worker.Identity;
import io.gradstream.producer.worker.WorkerFleet;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.streams.StreamsService;
import io.gradstream.server.topology.ParameterServer;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

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

  /**
   * @throws io.gradstream.proto.UserError if an older version began the run
   */
  Services(Run run) {
    run.description().requireCurrent();
    this.run = run;
  }

  /**
   * @param leaves whether the instance does not come back under its name once it has ended
   */
  void startServer(String instance, Path state, boolean leaves) {
    add(ParameterServer.start(run, instance, state), leaves);
  }

  /**
   * @param leaves whether the instance does not come back under its name once it has ended
   */
  void startArbitrator(String instance, Path state, boolean leaves) {
    add(Arbitrator.start(run, instance, state), leaves);
  }

  void startWorkers(int count, Set<String> tasks, Supplier<TaskModel> models, Identity identity) {
    final WorkerFleet fleet = WorkerFleet.start(run, count, tasks, models, identity);
    add(fleet::failure, fleet::close);
  }

  void startEvaluator(Supplier<TaskModel> models) {
    final Evaluator evaluator = Evaluator.start(run, models);
    add(evaluator::failure, evaluator::close);
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
   * Says if one of them stopped by itself.
   *
   * @throws IllegalStateException with the reason
   */
  void requireRunning() {
    for (final Service service : started) {
      service
          .failure()
          .ifPresent(
              failure -> {
                throw new IllegalStateException(
                    "a service of run " + run.spec().run() + " stopped", failure);
              });
    }
  }

  @Override
  public void close() {
    while (!started.isEmpty()) {
      started.pop().close();
    }
  }
}
