package io.gradstream.producer.worker;

import io.gradstream.producer.model.TaskModel;
import io.gradstream.producer.worker.GradientPublisher.Publication;
import io.gradstream.proto.message.GradientKind;
import io.gradstream.proto.message.Order;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.WeightAssembler;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.spec.ArithmeticPolicy;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.AcknowledgeType;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One worker thread: takes a few orders, computes and publishes one after the other, and
 * acknowledges those whose gradients the brokers have.
 *
 * <p>A gradient travels while the next is computed. Orders that were not begun within half of their
 * lock go back, so that slow computing does not hold what another worker could do.
 *
 * <p>Orders come from a share group, which spreads the partitions of the orders over the workers
 * and gives one to several where there are more workers. An order whose worker dies goes to another
 * when its connection drops; that of a worker that hangs, when the lock ends. A worker that does
 * not ask for orders during two timeouts loses its partitions, and joins again once it asks. So a
 * slot may be computed twice; it is the same slot with the same bits, and the arbitrator counts it
 * once. An order of a round that is over is acknowledged without work, and one that the run cannot
 * have given is refused for good.
 */
final class Worker implements Runnable {
  private static final Logger LOG = LoggerFactory.getLogger(Worker.class);

  /**
   * How many orders are taken in one go. With one at a time the worker would wait for the brokers
   * between two slots.
   */
  private static final int ORDERS_AT_ONCE = 8;

  /**
   * How long closing waits for the last acknowledgements. Orders whose acknowledgements no broker
   * takes by then go to another worker, whose gradients are ignored.
   */
  private static final Duration CLOSE_LIMIT = Duration.ofSeconds(3);

  private static final Duration POLL = Duration.ofMillis(500);

  private final Run run;
  private final String name;
  private final Collection<String> topics;
  private final WeightsReplica weights;
  private final GradientPublisher publisher;
  private final AnsweredOrders answered;
  private final Supplier<TaskModel> models;
  private final OrderCheck check;
  private final Duration timeout;
  private final long firstRound;
  private final KafkaShareConsumer<byte[], byte[]> orders;
  private volatile boolean closed;
  private long loadedVersion = WeightAssembler.NONE;
  private long fingerprint;
  private ArithmeticCheck arithmetic;

  @SuppressWarnings("NullAway.Init") // the thread makes its model, and the check after it
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
    this.firstRound = run.description().firstRound();
    this.check = new OrderCheck(run.description());
    this.timeout = Duration.ofMillis(run.spec().orders().timeoutMs());
    this.orders = new KafkaShareConsumer<>(settings(run));
  }

  private static Map<String, Object> settings(Run run) {
    final Map<String, Object> config = run.connection().client();
    config.put(ConsumerConfig.GROUP_ID_CONFIG, run.topics().workerGroup());
    config.put(ConsumerConfig.SHARE_ACKNOWLEDGEMENT_MODE_CONFIG, "explicit");
    config.put(ConsumerConfig.SHARE_ACQUIRE_MODE_CONFIG, "record_limit");
    config.put(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, ORDERS_AT_ONCE);
    // Orders in hand are begun within half a timeout, and the last of them waits half a timeout for
    // its weights: a worker that computes a slot in less than a timeout asks in time.
    config.put(ConsumerConfig.MAX_POLL_INTERVAL_MS_CONFIG, 2 * run.spec().orders().timeoutMs());
    config.put(ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG, ByteArrayDeserializer.class);
    config.put(ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG, ByteArrayDeserializer.class);
    return config;
  }

  /** Works until closed; a failure that does not pass ends it with an exception. */
  @Override
  public void run() {
    try (TaskModel model = models.get()) {
      fingerprint = model.fingerprint();
      arithmetic = new ArithmeticCheck(run, name, fingerprint);
      arithmetic.require();
      orders.subscribe(topics);
      LOG.info(
          "worker {} serves {}, arithmetic {}", name, topics, ArithmeticPolicy.text(fingerprint));
      while (!closed) {
        if (!weights.open()) {
          throw new IllegalStateException("the weights can no longer be followed");
        }
        serve(orders.poll(POLL), model);
      }
    } catch (WakeupException e) {
      LOG.debug("worker {} closed while polling", name);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      orders.close(CLOSE_LIMIT);
    }
  }

  private void serve(ConsumerRecords<byte[], byte[]> records, TaskModel model)
      throws InterruptedException {
    final long begin = System.nanoTime();
    final long limit = timeout.dividedBy(2).toNanos();
    final Map<ConsumerRecord<byte[], byte[]>, Publication> published = new LinkedHashMap<>();
    for (final ConsumerRecord<byte[], byte[]> record : records) {
      if (closed || System.nanoTime() - begin > limit) {
        orders.acknowledge(record, AcknowledgeType.RELEASE);
      } else {
        serve(record, model, published);
      }
    }
    for (final var each : published.entrySet()) {
      orders.acknowledge(each.getKey(), await(each.getKey(), each.getValue()));
    }
  }

  private AcknowledgeType await(ConsumerRecord<byte[], byte[]> record, Publication publication)
      throws InterruptedException {
    try {
      publication.await();
      answered.add(record);
      return AcknowledgeType.ACCEPT;
    } catch (ExecutionException e) {
      final Order order = publication.order();
      LOG.warn(
          "worker {}: the brokers did not take slot {} of round {}; another worker computes it",
          name,
          order.getSlot(),
          order.getRound(),
          e);
      return AcknowledgeType.RELEASE;
    }
  }

  /** Computes and publishes what the order asks for, or acknowledges it at once. */
  private void serve(
      ConsumerRecord<byte[], byte[]> record,
      TaskModel model,
      Map<ConsumerRecord<byte[], byte[]>, Publication> published)
      throws InterruptedException {
    final Order order;
    try {
      order = check.read(record.value(), run.topics().taskOfOrders(record.topic()));
    } catch (MalformedRecordException e) {
      refuse(record, String.valueOf(e.getMessage()));
      return;
    }
    if (answered.contains(record)) {
      orders.acknowledge(record, AcknowledgeType.ACCEPT);
      return;
    }
    final long round = order.getRound();
    final long version = load(round, model);
    if (version == round) {
      arithmetic.require();
      published.put(record, publisher.publish(order, compute(order, model), model.gradient()));
    } else if (version > round) {
      orders.acknowledge(record, AcknowledgeType.ACCEPT); // its round is over
    } else if (isAhead(round, version)) {
      refuse(record, "round %d, the weights have version %d".formatted(round, version));
    } else {
      // The weights of the order's version do not come here; another worker may have them.
      orders.acknowledge(record, AcknowledgeType.RELEASE);
    }
  }

  private void refuse(ConsumerRecord<byte[], byte[]> record, String reason) {
    LOG.warn(
        "worker {} refuses {}-{} at offset {}: {}",
        name,
        record.topic(),
        record.partition(),
        record.offset(),
        reason);
    orders.acknowledge(record, AcknowledgeType.REJECT);
  }

  /**
   * Whether a round's orders cannot be out yet. They go out with the verdict of the round before,
   * which follows from gradients at that round's weights.
   */
  private boolean isAhead(long round, long version) {
    return round > Math.max(version, firstRound - 1) + 1;
  }

  private GradientPublisher.Result compute(Order order, TaskModel model) {
    final int tasks = run.manifest().tasks().size();
    final int samples = order.getBatchSize();
    final long start = System.nanoTime();
    if (order.getKind() == GradientKind.TASK) {
      final double loss = model.gradient(order.getTask(), order.getMicroBatch());
      return new GradientPublisher.Result(
          name, fingerprint, samples, loss, List.of(), microsSince(start));
    }
    final double[] losses = model.scalarizedGradient(order.getMicroBatch());
    double sum = 0;
    for (int task = 0; task < tasks; task++) {
      sum += run.spec().tasks().get(task).weight() * losses[task];
    }
    return new GradientPublisher.Result(
        name,
        fingerprint,
        samples,
        sum,
        Arrays.stream(losses).boxed().toList(),
        microsSince(start));
  }

  private static long microsSince(long start) {
    return (System.nanoTime() - start) / 1000;
  }

  /** Copies a version into the model, and returns the version that the replica has. */
  private long load(long version, TaskModel model) throws InterruptedException {
    if (loadedVersion == version) {
      return version;
    }
    final Duration patience = timeout.dividedBy(2);
    if (isAhead(version, weights.version()) && weights.catchUp(patience)) {
      final long newest = weights.version();
      if (isAhead(version, newest)) {
        return newest;
      }
    }
    final long found = weights.copy(version, model.weights(), patience);
    if (found == version) {
      loadedVersion = version;
    }
    return found;
  }

  void close() {
    closed = true;
    orders.wakeup();
  }
}
