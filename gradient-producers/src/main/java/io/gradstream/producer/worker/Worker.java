package io.gradstream.producer.worker;

import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.proto.message.Order;
import io.gradstream.proto.run.Run;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.AcknowledgeType;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One worker thread: takes an order at a time, computes it, publishes it, and only then
 * acknowledges.
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
   * Their locks run from then on, so the run's timeout has to cover the computing of all of them.
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
  private long loaded = VersionedWeights.NONE;

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
        for (final ConsumerRecord<byte[], byte[]> record : orders.poll(POLL)) {
          orders.acknowledge(record, serve(record, model));
        }
      }
    } catch (WakeupException e) {
      LOG.debug("worker {} closed while polling", name);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      orders.close(CLOSE_LIMIT);
    }
  }

  private AcknowledgeType serve(ConsumerRecord<byte[], byte[]> record, TaskModel model)
      throws InterruptedException {
    final Order order;
    try {
      order = Order.parseFrom(record.value());
    } catch (InvalidProtocolBufferException e) {
      LOG.warn("no order at {}-{} offset {}", record.topic(), record.partition(), record.offset());
      return AcknowledgeType.REJECT;
    }
    if (order.getTask() != run.topics().taskOfOrders(record.topic())) {
      LOG.warn("order for task {} on {}", order.getTask(), record.topic());
      return AcknowledgeType.REJECT;
    }
    final long version = load(order.getRound(), model);
    if (version != order.getRound()) {
      // Its round is over, or its weights do not come: another worker may have them.
      return version > order.getRound() ? AcknowledgeType.ACCEPT : AcknowledgeType.RELEASE;
    }
    try {
      publisher.publish(order, compute(order, model), model.gradient());
    } catch (ExecutionException e) {
      LOG.warn("slot {} of round {} not published", order.getSlot(), order.getRound(), e);
      return AcknowledgeType.RELEASE;
    }
    return AcknowledgeType.ACCEPT;
  }

  private GradientPublisher.Result compute(Order order, TaskModel model) {
    final int tasks = run.manifest().tasks().size();
    final int samples = run.spec().accumulation().batchSize();
    final long start = System.nanoTime();
    if (order.getTask() < tasks) {
      final double loss = model.gradient(order.getTask(), order.getMicroBatch());
      return new GradientPublisher.Result(name, samples, loss, List.of(), microsSince(start));
    }
    final double[] losses = model.summedGradient(order.getMicroBatch());
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
