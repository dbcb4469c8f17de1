package io.gradstream.producer.worker;

import io.gradstream.producer.model.TaskModel;
import io.gradstream.proto.UserError;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.run.OffHeap;
import io.gradstream.proto.run.RoundKind;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.topic.Connection;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The workers of one process: threads with a model each, sharing one copy of the weights and one
 * producer.
 */
public final class WorkerFleet implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(WorkerFleet.class);

  private final WeightsReplica weights;
  private final Producer<byte[], byte[]> producer;
  private final List<Worker> workers = new ArrayList<>();
  private final List<Thread> threads = new ArrayList<>();
  private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();

  private WorkerFleet(Run run) {
    final Kernels kernels = Kernels.best();
    this.weights = new WeightsReplica(run, kernels);
    this.producer = new KafkaProducer<>(run.connection().producer());
  }

  /**
   * Starts workers; they run until closed.
   *
   * @param count threads, each with a model of its own
   * @param tasks names of the tasks they serve
   * @param models makes one thread's model, on that thread
   */
  public static WorkerFleet start(
      Run run, int count, Set<String> tasks, Supplier<TaskModel> models) {
    return start(run, count, tasks, models, WorkerIdentity.ofProcess());
  }

  /**
   * The same under a name of one's own, with a key where the run asks for one. Of the tasks, those
   * are served that the run spec lets the key compute; all else would be refused.
   *
   * @throws UserError if this JVM may not take the memory their vectors need, none of the tasks is
   *     theirs to compute, or the brokers let no more workers join
   */
  public static WorkerFleet start(
      Run run, int count, Set<String> tasks, Supplier<TaskModel> models, WorkerIdentity identity) {
    final List<String> topics =
        IntStream.range(0, run.orderedTasks())
            .filter(task -> isSum(run, task) || tasks.contains(run.topics().nameOf(task)))
            .filter(task -> identity.mayCompute(run.topics().nameOf(task), run.spec()))
            .mapToObj(run.topics()::orders)
            .toList();
    if (topics.isEmpty()) {
      throw new UserError(
          "worker %s may compute none of the tasks %s; run %s limits its key"
              .formatted(identity.name(), tasks, run.spec().run()));
    }
    GroupLimit.requireRoom(run, count);
    // The replica holds the newest weights and those that arrive; each model holds its weights and
    // its gradient.
    OffHeap.announce("the workers", run.manifest().size() * (2 + 2L * count) * Float.BYTES);
    final var fleet = new WorkerFleet(run);
    final var publisher =
        new GradientPublisher(run, Kernels.best(), fleet.producer, identity.signer());
    final var answered = new AnsweredOrders();
    for (int index = 0; index < count; index++) {
      final String name = identity.name() + "/" + index;
      fleet.start(new Worker(run, name, topics, fleet.weights, publisher, answered, models), name);
    }
    return fleet;
  }

  /** Every worker serves the sum of all losses. */
  private static boolean isSum(Run run, int task) {
    return RoundKind.asking(task, run.manifest().tasks().size()) == RoundKind.SUM;
  }

  private void start(Worker worker, String name) {
    workers.add(worker);
    threads.add(
        Thread.ofPlatform()
            .name("worker-" + name)
            .daemon()
            .start(
                () -> {
                  try {
                    worker.run();
                  } catch (UserError e) {
                    LOG.error("worker {}: stops: {}", name, e.getMessage());
                    failure.compareAndSet(null, e);
                  } catch (RuntimeException | Error e) {
                    LOG.error("worker {} stops because of a fault", name, e);
                    failure.compareAndSet(null, e);
                  }
                }));
  }

  /** Why a worker stopped, if one did not stop on request. */
  public Optional<Throwable> failure() {
    return Optional.ofNullable(failure.get());
  }

  /** The newest weights version that is here whole, -1 before the first. */
  public long version() {
    return weights.version();
  }

  /** Lets each worker finish the slot it computes, then stops. */
  @Override
  public void close() {
    workers.forEach(Worker::close);
    for (final Thread thread : threads) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    producer.close(Connection.SEND_LIMIT);
    weights.close();
  }
}
