package io.gradstream.producer.worker;

import io.gradstream.producer.model.TaskModel;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.spec.ArithmeticPolicy;
import java.time.Duration;
import java.util.Collection;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One worker: takes a few orders, has a thread of its own compute and publish one after the other,
 * and acknowledges those whose gradients the brokers have.
 *
 * <p>Orders come from a share group, which spreads the partitions of the orders over the workers
 * and gives one to several where there are more workers. While slots are computed their orders'
 * locks are renewed, so a slow worker keeps them. An order whose worker dies goes to another when
 * its connection drops, or when the lock ends. A slot that takes longer than two timeouts hangs:
 * its worker gives its orders up and leaves the group, so that others get its partitions, and joins
 * again once it goes on. So a slot may be computed twice; it is the same slot with the same bits,
 * and the arbitrator counts it once. An order of a round that is over is acknowledged without work,
 * and one that the run cannot have given is refused for good.
 */
final class Worker implements Runnable {
  private static final Logger LOG = LoggerFactory.getLogger(Worker.class);

  /**
   * How many orders are taken in one go. With one at a time the worker would wait for the brokers
   * between two slots.
   */
  private static final int ORDERS_AT_ONCE = 8;

  /** So many times a lock is renewed while it lasts, so that one late answer loses nothing. */
  private static final int RENEWALS_PER_LOCK = 4;

  /** So many timeouts a slot may take. */
  private static final int MAX_TIMEOUTS = 2;

  /**
   * How long closing waits for the last acknowledgements. Orders whose acknowledgements no broker
   * takes by then go to another worker, whose gradients are ignored.
   */
  private static final Duration CLOSE_LIMIT = Duration.ofSeconds(3);

  private static final Duration POLL = Duration.ofMillis(500);

  /** How long a worker that had orders waits for more inside Kafka, see {@link #poll}. */
  private static final Duration AWAKE = Duration.ofSeconds(2);

  /** The pause between two looks of a worker that has found none for longer. */
  private static final Duration PAUSE = Duration.ofMillis(100);

  private final Run run;
  private final String name;
  private final Collection<String> topics;
  private final WeightsReplica weights;
  private final GradientPublisher publisher;
  private final AnsweredOrders answered;
  private final Supplier<TaskModel> models;
  private final Duration timeout;
  private final KafkaShareConsumer<byte[], byte[]> orders;
  private final CountDownLatch closed = new CountDownLatch(1);
  private volatile @Nullable OrderBatch current;

  /** When the last orders were done, as {@link System#nanoTime} tells it; long ago at the start. */
  private long servedNanos = System.nanoTime() - AWAKE.toNanos();

  Worker(
      Run run,
      String name,
      Collection<String> topics,
      WeightsReplica weights,
      GradientPublisher publisher,
      AnsweredOrders answered,
      Supplier<TaskModel> models) {
    this.run = run;
    this.name = name;
    this.topics = topics;
    this.weights = weights;
    this.publisher = publisher;
    this.answered = answered;
    this.models = models;
    this.timeout = Duration.ofMillis(run.spec().orders().timeoutMs());
    this.orders = new KafkaShareConsumer<>(settings(run));
  }

  private static Map<String, Object> settings(Run run) {
    final Map<String, Object> config = run.connection().client();
    config.put(ConsumerConfig.GROUP_ID_CONFIG, run.topics().workerGroup());
    config.put(ConsumerConfig.SHARE_ACKNOWLEDGEMENT_MODE_CONFIG, "explicit");
    config.put(ConsumerConfig.SHARE_ACQUIRE_MODE_CONFIG, "record_limit");
    config.put(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, ORDERS_AT_ONCE);
    // A worker that lost its locks does not poll until its slot is done or given up.
    config.put(
        ConsumerConfig.MAX_POLL_INTERVAL_MS_CONFIG, MAX_TIMEOUTS * run.spec().orders().timeoutMs());
    config.put(ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG, ByteArrayDeserializer.class);
    config.put(ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG, ByteArrayDeserializer.class);
    return config;
  }

  /** Works until closed; a failure that does not pass ends it with an exception. */
  @Override
  public void run() {
    try (ExecutorService slots =
        Executors.newSingleThreadExecutor(
            Thread.ofPlatform().name("slots-" + name).daemon().factory())) {
      final SlotComputer computer = await(slots.submit(this::computer));
      try {
        takeOrders(computer, slots);
      } finally {
        await(slots.submit(Executors.callable(computer::close)));
      }
    } catch (WakeupException e) {
      LOG.debug("worker {} closed while polling", name);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      orders.close(CLOSE_LIMIT);
    }
  }

  private SlotComputer computer() {
    final TaskModel model = models.get();
    try {
      final var computer = new SlotComputer(run, name, weights, publisher, answered, model);
      computer.requireArithmetic();
      return computer;
    } catch (RuntimeException | Error e) {
      model.close();
      throw e;
    }
  }

  private void takeOrders(SlotComputer computer, ExecutorService slots)
      throws InterruptedException {
    orders.subscribe(topics);
    LOG.info(
        "worker {} serves {}, arithmetic {}",
        name,
        topics,
        ArithmeticPolicy.text(computer.fingerprint()));
    while (!isClosed()) {
      if (!weights.open()) {
        throw new IllegalStateException("the weights can no longer be followed");
      }
      final ConsumerRecords<byte[], byte[]> records = poll();
      if (!records.isEmpty()) {
        serve(new OrderBatch(records), computer, slots);
        servedNanos = System.nanoTime();
      }
    }
  }

  /**
   * Looks for orders.
   *
   * <p>In Kafka 4.4.0 a share consumer does not wait for records while it waits for the answer to a
   * heartbeat: it asks again and again, as long as it may, and takes a whole core. Where many
   * workers join at once, or brokers are slow, that keeps the brokers from answering. So a worker
   * that has found nothing for a while only looks, and waits by itself.
   */
  private ConsumerRecords<byte[], byte[]> poll() throws InterruptedException {
    final boolean awake = System.nanoTime() - servedNanos < AWAKE.toNanos();
    if (!awake && closed.await(PAUSE.toMillis(), TimeUnit.MILLISECONDS)) {
      return ConsumerRecords.empty();
    }
    return orders.poll(awake ? POLL : Duration.ZERO);
  }

  private boolean isClosed() {
    return closed.getCount() == 0;
  }

  private void serve(OrderBatch batch, SlotComputer computer, ExecutorService slots)
      throws InterruptedException {
    final Duration lock = orders.acquisitionLockTimeoutMs().map(Duration::ofMillis).orElse(timeout);
    final Duration interval = lock.dividedBy(RENEWALS_PER_LOCK);
    final var held = new HeldOrders(orders, batch, lock.dividedBy(2));
    final Future<?> done =
        slots.submit(
            (Callable<Void>)
                () -> {
                  computer.serve(batch);
                  return null;
                });
    current = batch;
    if (isClosed()) {
      batch.stop();
    }
    while (!isDone(done, interval)) {
      if (batch.slotAge().compareTo(timeout.multipliedBy(MAX_TIMEOUTS)) > 0) {
        giveUp(batch, held, done);
        return;
      }
      final int lost = held.renew();
      if (lost > 0) {
        LOG.warn(
            "worker {}: the brokers renew {} of its locks no more; others get these orders, too",
            name,
            lost);
      }
    }
    await(done);
    held.acknowledge();
  }

  private void giveUp(OrderBatch batch, HeldOrders held, Future<?> done)
      throws InterruptedException {
    LOG.warn(
        "worker {}: a slot takes more than {} s, {} times orders.timeout-ms; other workers get its orders",
        name,
        timeout.multipliedBy(MAX_TIMEOUTS).toSeconds(),
        MAX_TIMEOUTS);
    batch.stop();
    held.giveUp();
    await(done);
    if (!isClosed()) {
      LOG.info("worker {} goes on", name);
      orders.subscribe(topics);
    }
  }

  private static boolean isDone(Future<?> work, Duration limit) throws InterruptedException {
    try {
      work.get(limit.toNanos(), TimeUnit.NANOSECONDS);
      return true;
    } catch (TimeoutException e) {
      return false;
    } catch (ExecutionException e) {
      return true; // who awaits it is told
    }
  }

  /** Waits for work on the other thread; its failure is this thread's. */
  private static <T> T await(Future<T> work) throws InterruptedException {
    try {
      return work.get();
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case RuntimeException failure -> throw failure;
        case Error failure -> throw failure;
        case InterruptedException interrupted -> throw interrupted;
        case null, default -> throw new IllegalStateException(e);
      }
    }
  }

  /** Lets the slot that is computed end, begins no other, and stops; from any thread. */
  void close() {
    closed.countDown();
    final OrderBatch batch = current;
    if (batch != null) {
      batch.stop();
    }
    orders.wakeup();
  }
}
