package io.gradstream.producer.worker;

import io.gradstream.producer.model.ModelFailure;
import io.gradstream.producer.model.Provenance;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.producer.worker.GradientPublisher.Publication;
import io.gradstream.proto.message.GradientKind;
import io.gradstream.proto.message.Order;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.WeightAssembler;
import io.gradstream.proto.run.Run;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.consumer.AcknowledgeType;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Computes and publishes the slots of a worker's orders, one after the other, and says how each
 * order is to be acknowledged.
 *
 * <p>A gradient travels while the next is computed. Orders that were not begun within half a
 * timeout go back, so that slow computing does not hold what another worker could do. Confined to
 * the thread that made its model.
 */
final class SlotComputer implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(SlotComputer.class);

  private final Run run;
  private final String name;
  private final WeightsReplica weights;
  private final GradientPublisher publisher;
  private final AnsweredOrders answered;
  private final TaskModel model;
  private final OrderCheck check;
  private final Duration timeout;
  private final long firstRound;
  private final long fingerprint;
  private final ArithmeticCheck arithmetic;
  private long loadedVersion = WeightAssembler.NONE;

  /**
   * @param model of this thread; closed with the computer
   * @throws io.gradstream.proto.UserError if it is not the run's
   */
  SlotComputer(
      Run run,
      String name,
      WeightsReplica weights,
      GradientPublisher publisher,
      AnsweredOrders answered,
      TaskModel model) {
    Provenance.require(run.description(), model);
    this.run = run;
    this.name = name;
    this.weights = weights;
    this.publisher = publisher;
    this.answered = answered;
    this.model = model;
    this.check = new OrderCheck(run.description());
    this.timeout = Duration.ofMillis(run.spec().orders().timeoutMs());
    this.firstRound = run.description().firstRound();
    this.fingerprint = model.fingerprint();
    this.arithmetic = new ArithmeticCheck(run, name, fingerprint);
  }

  /** What the model computes with. */
  long fingerprint() {
    return fingerprint;
  }

  /**
   * Compares what the model computes with to what the run takes.
   *
   * @throws io.gradstream.proto.UserError if the run takes another arithmetic alone
   */
  void requireArithmetic() {
    arithmetic.require();
  }

  /** Answers all orders of a batch, and waits until the brokers have the gradients. */
  void serve(OrderBatch batch) throws InterruptedException {
    final long begin = System.nanoTime();
    final long limit = timeout.dividedBy(2).toNanos();
    final Map<ConsumerRecord<byte[], byte[]>, Publication> published = new LinkedHashMap<>();
    for (final ConsumerRecord<byte[], byte[]> record : batch.orders()) {
      if (batch.isStopped() || System.nanoTime() - begin > limit) {
        batch.answer(record, AcknowledgeType.RELEASE);
      } else {
        batch.beginSlot();
        serve(record, batch, published);
      }
    }
    batch.beginSlot();
    for (final var each : published.entrySet()) {
      batch.answer(each.getKey(), await(each.getKey(), each.getValue()));
    }
  }

  private AcknowledgeType await(ConsumerRecord<byte[], byte[]> record, Publication publication)
      throws InterruptedException {
    try {
      publication.await();
      answered.add(record);
      return AcknowledgeType.ACCEPT;
    } catch (ExecutionException | TimeoutException e) {
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
      OrderBatch batch,
      Map<ConsumerRecord<byte[], byte[]>, Publication> published)
      throws InterruptedException {
    final Order order;
    try {
      order = check.read(record.value(), run.topics().taskOfOrders(record.topic()));
    } catch (MalformedRecordException e) {
      refuse(record, batch, String.valueOf(e.getMessage()));
      return;
    }
    if (answered.contains(record)) {
      batch.answer(record, AcknowledgeType.ACCEPT);
      return;
    }
    final long round = order.getRound();
    final long version = load(round);
    if (version == round) {
      arithmetic.require();
      try {
        published.put(record, publisher.publish(order, compute(order), model.gradient()));
      } catch (ModelFailure e) {
        LOG.warn(
            "worker {} gives slot {} of round {} back: {}",
            name,
            order.getSlot(),
            round,
            e.getMessage());
        batch.answer(record, AcknowledgeType.RELEASE);
      }
    } else if (version > round) {
      batch.answer(record, AcknowledgeType.ACCEPT); // its round is over
    } else if (isAhead(round, version)) {
      refuse(record, batch, "round %d, the weights have version %d".formatted(round, version));
    } else {
      // The weights of the order's version do not come here; another worker may have them.
      batch.answer(record, AcknowledgeType.RELEASE);
    }
  }

  private void refuse(ConsumerRecord<byte[], byte[]> record, OrderBatch batch, String reason) {
    LOG.warn(
        "worker {} refuses {}-{} at offset {}: {}",
        name,
        record.topic(),
        record.partition(),
        record.offset(),
        reason);
    batch.answer(record, AcknowledgeType.REJECT);
  }

  /**
   * Whether a round's orders cannot be out yet. They go out with the verdict of the round before,
   * which follows from gradients at that round's weights.
   */
  private boolean isAhead(long round, long version) {
    return round > Math.max(version, firstRound - 1) + 1;
  }

  private GradientPublisher.Result compute(Order order) {
    final int tasks = run.manifest().tasks().size();
    final int samples = order.getBatchSize();
    final long start = System.nanoTime();
    if (order.getKind() == GradientKind.TASK) {
      final double loss = model.gradient(order.getTask(), order.getMicroBatch());
      return new GradientPublisher.Result(
          name,
          fingerprint,
          model.device(),
          samples,
          loss,
          List.of(),
          microsSince(start),
          model.batchDigest(order.getTask(), order.getMicroBatch()));
    }
    final double[] losses = model.scalarizedGradient(order.getMicroBatch());
    double sum = 0;
    for (int task = 0; task < tasks; task++) {
      sum += run.spec().tasks().get(task).weight() * losses[task];
    }
    return new GradientPublisher.Result(
        name,
        fingerprint,
        model.device(),
        samples,
        sum,
        Arrays.stream(losses).boxed().toList(),
        microsSince(start),
        model.batchDigest(0, order.getMicroBatch()));
  }

  private static long microsSince(long start) {
    return (System.nanoTime() - start) / 1000;
  }

  /** Copies a version into the model, and returns the version that the replica has. */
  private long load(long version) throws InterruptedException {
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
    long found = weights.copy(version, model.weights(), patience);
    if (found > version && weights.dropIfForged(found)) {
      found = weights.copy(version, model.weights(), patience);
    }
    if (found == version) {
      loadedVersion = version;
    }
    return found;
  }

  @Override
  public void close() {
    model.close();
  }
}
