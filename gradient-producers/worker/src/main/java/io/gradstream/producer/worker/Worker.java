package io.gradstream.producer.worker;

import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.producer.worker.GradientPublisher.Publication;
import io.gradstream.proto.message.GradientKind;
import io.gradstream.proto.message.Order;
import io.gradstream.proto.record.WeightAssembler;
import io.gradstream.proto.run.Run;
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
 * acknowledges those that the brokers have.
 *
 * <p>A gradient travels while the next is computed. Orders that were not begun within half of their
 * lock go back, so that slow computing does not hold what another worker could do.
 *
 * <p>Orders come from a share group, which spreads the partitions of the orders over the workers
 * and gives one to several where there are more workers. An order whose worker dies goes to another
 * when its connection drops, its lock ends or the group has given its partition away. So a slot may
 * be computed twice; it is the same slot with the same bits, and the arbitrator counts it once. An
 * order of a round that is over is acknowledged without work.
 */
final class Worker implements Runnable {
  private static final Logger LOG = LoggerFactory.getLogger(Worker.class);

  /**
   * So many orders are taken in one go: one alone would wait for the brokers between any two slots.
   */
  private static final int ORDERS_AT_ONCE = 8;

  /**
   * For the last acknowledgements. Those that a broker does not take by then are given up: the
   * orders go to another worker, whose gradients are ignored.
   */
  private static final Duration CLOSE_LIMIT = Duration.ofSeconds(3);

  private static final Duration POLL = Duration.ofMillis(500);

  private final Run run;
  private final String name;
  private final Collection<String> topics;
  private final WeightsReplica weights;
  private final GradientPublisher publisher;
  private final Supplier<TaskModel> models;
  private final KafkaShareConsumer<byte[], byte[]> orders;
  private volatile boolean closed;
  private long loaded = WeightAssembler.NONE;

  Worker(
      Run run,
      String name,
      Collection<String> topics,
      WeightsReplica weights,
      GradientPublisher publisher,
      Supplier<TaskModel> models) {
    this.run = run;
    this.name = name;
    this.topics = topics;
    this.weights = weights;
    this.publisher = publisher;
    this.models = models;
    this.orders = new KafkaShareConsumer<>(settings(run));
  }

  private static Map<String, Object> settings(Run run) {
    final Map<String, Object> config = run.connection().client();
    config.put(ConsumerConfig.GROUP_ID_CONFIG, run.topics().workerGroup());
    config.put(ConsumerConfig.SHARE_ACKNOWLEDGEMENT_MODE_CONFIG, "explicit");
    config.put(ConsumerConfig.SHARE_ACQUIRE_MODE_CONFIG, "record_limit");
    config.put(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, ORDERS_AT_ONCE);
    config.put(ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG, ByteArrayDeserializer.class);
    config.put(ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG, ByteArrayDeserializer.class);
    return config;
  }

  /** Works until closed; a failure that does not pass ends it with an exception. */
  @Override
  public void run() {
    try (TaskModel model = models.get()) {
      orders.subscribe(topics);
      LOG.info("worker {} serves {}", name, topics);
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
    final long limit = Duration.ofMillis(run.spec().orders().timeoutMs() / 2).toNanos();
    final Map<ConsumerRecord<byte[], byte[]>, Publication> published = new LinkedHashMap<>();
    for (final ConsumerRecord<byte[], byte[]> record : records) {
      if (closed || System.nanoTime() - begin > limit) {
        orders.acknowledge(record, AcknowledgeType.RELEASE);
      } else {
        serve(record, model, published);
      }
    }
    for (final var each : published.entrySet()) {
      orders.acknowledge(each.getKey(), await(each.getValue()));
    }
  }

  private static AcknowledgeType await(Publication publication) throws InterruptedException {
    try {
      publication.await();
      return AcknowledgeType.ACCEPT;
    } catch (ExecutionException e) {
      final Order order = publication.order();
      LOG.warn("slot {} of round {} not published", order.getSlot(), order.getRound(), e);
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
      order = Order.parseFrom(record.value());
    } catch (InvalidProtocolBufferException e) {
      LOG.warn("no order at {}-{} offset {}", record.topic(), record.partition(), record.offset());
      orders.acknowledge(record, AcknowledgeType.REJECT);
      return;
    }
    if (order.getTask() != run.topics().taskOfOrders(record.topic())) {
      LOG.warn("order for task {} on {}", order.getTask(), record.topic());
      orders.acknowledge(record, AcknowledgeType.REJECT);
      return;
    }
    final long version = load(order.getRound(), model);
    if (version == order.getRound()) {
      published.put(record, publisher.publish(order, compute(order, model), model.gradient()));
    } else {
      // Its round is over, or its weights do not come: another worker may have them.
      orders.acknowledge(
          record, version > order.getRound() ? AcknowledgeType.ACCEPT : AcknowledgeType.RELEASE);
    }
  }

  private GradientPublisher.Result compute(Order order, TaskModel model) {
    final int tasks = run.manifest().tasks().size();
    final int samples = order.getBatchSize();
    final long start = System.nanoTime();
    if (order.getKind() == GradientKind.TASK) {
      final double loss = model.gradient(order.getTask(), order.getMicroBatch());
      return new GradientPublisher.Result(name, samples, loss, List.of(), microsSince(start));
    }
    final double[] losses = model.scalarizedGradient(order.getMicroBatch());
    double sum = 0;
    for (int task = 0; task < tasks; task++) {
      sum += run.spec().tasks().get(task).weight() * losses[task];
    }
    return new GradientPublisher.Result(
        name, samples, sum, Arrays.stream(losses).boxed().toList(), microsSince(start));
  }

  private static long microsSince(long start) {
    return (System.nanoTime() - start) / 1000;
  }

  private long load(long version, TaskModel model) throws InterruptedException {
    if (loaded == version) {
      return version;
    }
    final var patience = Duration.ofMillis(run.spec().orders().timeoutMs() / 2);
    final long found = weights.copy(version, model.weights(), patience);
    if (found == version) {
      loaded = version;
    }
    return found;
  }

  void close() {
    closed = true;
    orders.wakeup();
  }
}
