package io.gradstream.system;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.gradstream.embedded.EmbeddedKafka;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.producer.worker.WorkerFleet;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.common.config.ConfigResource;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a worker that hangs, or is slower than the orders' timeout, does to a run. */
class HungWorkerTest {
  @TempDir static Path directory;

  private static EmbeddedKafka kafka;

  @BeforeAll
  static void start() {
    kafka = EmbeddedKafka.start(directory.resolve("kafka"), 0);
  }

  @AfterAll
  static void stop() {
    kafka.close();
  }

  /** Its partitions of the orders would be its own until Kafka's five minutes are over. */
  @Test
  void theOthersTakeItsOrdersOverWithinTwoTimeouts() {
    final LiveRun run = LiveRun.submit(kafka, directory, "hung", "orders.timeout-ms=2000");
    final var hung = new CountDownLatch(1);
    final var goOn = new CountDownLatch(1);
    try (var server = run.startServer("one");
        var arbitrator = run.startArbitrator("one");
        var hangs = fleet(run, () -> awaitQuietly(hung, goOn));
        var works = fleet(run, () -> {})) {
      try {
        await().atMost(Duration.ofSeconds(60)).until(() -> hung.getCount() == 0);
        run.awaitVersion(run.run().spec().rounds());
      } finally {
        goOn.countDown();
      }
      assertThat(works.failure()).isEmpty();
      assertThat(hangs.failure()).isEmpty();
    }
  }

  /** Else the orders in its hands would wait for their timeout. */
  @Test
  void aWorkerThatEndsHandsBackTheOrdersThatItHolds() throws Exception {
    final LiveRun run =
        LiveRun.submit(kafka, directory, "ends", "orders.timeout-ms=120000", "rounds=2", "seed=3");
    final var computing = new CountDownLatch(1);
    final var goOn = new CountDownLatch(1);
    try (var server = run.startServer("one");
        var arbitrator = run.startArbitrator("one")) {
      final WorkerFleet ends = fleet(run, () -> awaitQuietly(computing, goOn));
      final var closing = Thread.ofPlatform().unstarted(ends::close);
      try {
        await().atMost(Duration.ofSeconds(60)).until(() -> computing.getCount() == 0);
        closing.start();
      } finally {
        goOn.countDown();
      }
      closing.join();
      assertThat(ends.failure()).isEmpty();

      try (var goesOn = run.startWorkers(1)) {
        run.awaitVersion(2); // waits for less than the orders' timeout
        assertThat(goesOn.failure()).isEmpty();
      }
      assertThat(server.failure()).isEmpty();
      assertThat(arbitrator.failure()).isEmpty();
    }
  }

  /** Each of its locks ends while it computes, and its membership does now and then. */
  @Test
  void aWorkerThatIsSlowerThanTheTimeoutStillEndsTheRun() {
    final LiveRun run =
        LiveRun.submit(
            kafka,
            directory,
            "slow",
            "orders.timeout-ms=1000",
            "rounds=2",
            "accumulation.micro-batches=1");
    final var computed = new AtomicInteger();
    try (var server = run.startServer("one");
        var arbitrator = run.startArbitrator("one");
        var slow =
            fleet(
                run,
                () -> {
                  computed.incrementAndGet();
                  pause(Duration.ofMillis(1300));
                })) {
      run.awaitVersion(2);

      assertThat(slow.failure()).isEmpty();
      // Four slots; each may be asked for again a few times while it waits or is computed.
      assertThat(computed.get()).isBetween(4, 20);
    }
  }

  /** What takes longer than a lock is not another's work for that. */
  @Test
  void aSlotThatTakesThreeLocksIsComputedOnce() throws Exception {
    final LiveRun run =
        LiveRun.submit(
            kafka,
            directory,
            "renews",
            "orders.timeout-ms=60000",
            "rounds=1",
            "accumulation.micro-batches=1");
    lockFor(run, Duration.ofMillis(1500));
    final var computed = new AtomicInteger();
    final Runnable firstIsSlow =
        () -> {
          if (computed.getAndIncrement() == 0) {
            pause(Duration.ofMillis(4500));
          }
        };
    try (var server = run.startServer("one");
        var arbitrator = run.startArbitrator("one");
        // More workers than partitions of orders, so that each of these has a second one.
        var workers = fleet(run, 4, firstIsSlow)) {
      run.awaitVersion(1);

      assertThat(workers.failure()).isEmpty();
      assertThat(computed).hasValue(2); // one slot a task
    }
  }

  private static void lockFor(LiveRun run, Duration lock) throws Exception {
    final var group =
        new ConfigResource(ConfigResource.Type.GROUP, run.run().topics().workerGroup());
    final var entry =
        new ConfigEntry("share.record.lock.duration.ms", Long.toString(lock.toMillis()));
    try (Admin admin = run.run().connection().admin()) {
      admin
          .incrementalAlterConfigs(
              Map.of(group, List.of(new AlterConfigOp(entry, AlterConfigOp.OpType.SET))))
          .all()
          .get();
    }
  }

  private static void awaitQuietly(CountDownLatch reached, CountDownLatch until) {
    reached.countDown();
    try {
      until.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void pause(Duration duration) {
    try {
      Thread.sleep(duration);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static WorkerFleet fleet(LiveRun run, Runnable before) {
    return fleet(run, 1, before);
  }

  private static WorkerFleet fleet(LiveRun run, int threads, Runnable before) {
    return WorkerFleet.start(
        run.run(),
        threads,
        Set.copyOf(run.run().manifest().tasks()),
        () -> new Delayed(run.checked().models().get(), before));
  }

  /** A model that does something else before each gradient. */
  private static final class Delayed extends DelegatingModel {
    private final Runnable before;

    Delayed(TaskModel model, Runnable before) {
      super(model);
      this.before = before;
    }

    @Override
    public double gradient(int task, long microBatch) {
      before.run();
      return super.gradient(task, microBatch);
    }

    @Override
    public double[] scalarizedGradient(long microBatch) {
      before.run();
      return super.scalarizedGradient(microBatch);
    }
  }
}
