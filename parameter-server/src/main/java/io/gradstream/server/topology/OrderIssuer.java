package io.gradstream.server.topology;

import io.gradstream.proto.evidence.VerdictChain;
import io.gradstream.proto.message.Metric;
import io.gradstream.proto.message.Order;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.record.DeadLetters;
import io.gradstream.proto.record.Keys;
import io.gradstream.proto.run.RoundKind;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.streams.TopicSinks;
import io.gradstream.proto.topic.TopicKind;
import io.gradstream.proto.topic.Topics;
import io.gradstream.server.dispatch.OrderPolicy;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongFunction;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Issues the orders of a run: with each verdict those of the next round, and once more those whose
 * answers the arbitrator misses. On partition 0 alone; one owner, one thread.
 */
final class OrderIssuer {
  private static final Logger LOG = LoggerFactory.getLogger(OrderIssuer.class);

  /**
   * How many fillers are appended at once; a larger gap is filled at the next reports of the
   * standstill.
   */
  private static final long MAX_FILLERS = 100_000;

  private final Run run;
  private final Topics topics;
  private final OrderPolicy policy;
  private final TopicSinks sinks;
  private final LongSupplier clockMs;
  private final Supplier<Map<TopicPartition, Long>> gaps;
  private final LongFunction<Optional<String>> lostRound;

  /**
   * @param clockMs milliseconds that never go back
   * @param gaps gives, for each partition of the orders that delivers nothing, how many records
   *     must be appended until it delivers again, see {@link io.gradstream.proto.run.OrderGaps}
   * @param lostRound tells of a decided round that is waited for whether gradients are lost, and
   *     what to do then
   */
  OrderIssuer(
      Run run,
      OrderPolicy policy,
      TopicSinks sinks,
      LongSupplier clockMs,
      Supplier<Map<TopicPartition, Long>> gaps,
      LongFunction<Optional<String>> lostRound) {
    this.run = run;
    this.topics = run.topics();
    this.policy = policy;
    this.sinks = sinks;
    this.clockMs = clockMs;
    this.gaps = gaps;
    this.lostRound = lostRound;
  }

  /** Issues the orders of the first round, once its weights are there. */
  void orderFirstRound() {
    send(policy.order(run.description().firstRound(), RoundKind.EACH_TASK, 0, clockMs.getAsLong()));
  }

  /** Issues the last orders once more, in case that they were lost. */
  void repeatLastOrders() {
    send(policy.repeat());
  }

  /**
   * Issues the orders of the round after a verdict.
   *
   * @param again whether its record was read before a restart, and what followed may be lost
   */
  void orderNextRound(Verdict verdict, VerdictChain.Link link, boolean again) {
    if (link == VerdictChain.Link.EARLIER) {
      return;
    }
    final long round = verdict.getRound() + 1;
    if (again && round == policy.ordered()) {
      repeatLastOrders();
    } else {
      send(
          policy.order(
              round,
              RoundKind.of(verdict.getNextScalarized()),
              verdict.getNonce(),
              clockMs.getAsLong()));
    }
  }

  /** Issues the orders of slots that were refused or are missing once more. */
  void handle(Metric metric) {
    if (metric.hasRefused()) {
      orderRefusedSlot(metric.getRefused());
    }
    if (metric.hasWaiting()) {
      orderMissingSlots(metric.getWaiting());
    }
  }

  private void orderRefusedSlot(Metric.Refused refused) {
    final boolean before = policy.diverged(refused.getTask(), refused.getSlot());
    send(policy.orderAgain(refused, clockMs.getAsLong()));
    if (!before && policy.diverged(refused.getTask(), refused.getSlot())) {
      LOG.error(
          "the parameter server no longer orders slot {} of task {} in round {}: whoever computes it gets {}",
          refused.getSlot(),
          topics.nameOf(refused.getTask()),
          refused.getRound(),
          DeadLetters.printable(refused.getReason()));
    }
  }

  private void orderMissingSlots(Metric.Waiting waiting) {
    if (waiting.getRound() < policy.ordered() && waiting.getSlotsCount() > 0) {
      lostRound.apply(waiting.getRound()).ifPresent(LOG::error);
      return;
    }
    final List<Order> orders = policy.orderAgain(waiting, clockMs.getAsLong());
    if (!orders.isEmpty()) {
      LOG.warn(
          "the parameter server orders {} slots of round {} again",
          orders.size(),
          waiting.getRound());
      fillGaps();
    }
    send(orders);
  }

  /**
   * Appends fillers to the partitions that lost orders. Workers are given neither these fillers nor
   * anything else from such a partition until it has grown to their position again.
   */
  private void fillGaps() {
    try {
      gaps.get().forEach(this::fillGap);
    } catch (KafkaException e) {
      LOG.warn(
          "the parameter server cannot tell whether orders of run {} were lost", topics.run(), e);
    }
  }

  private void fillGap(TopicPartition partition, long records) {
    final int task = topics.taskOfOrders(partition.topic());
    final Optional<Order> order =
        policy.repeat().stream().filter(each -> each.getTask() == task).findFirst();
    if (order.isEmpty()) {
      return; // this round does not ask for it
    }
    LOG.warn(
        "orders were lost: {} ends {} records before the workers' position in it; the parameter server"
            + " appends as many fillers, which are not delivered",
        partition,
        records);
    final int attempt =
        Math.floorMod(partition.partition() - order.get().getSlot(), run.orderPartitions());
    final Order filler = order.get().toBuilder().setAttempt(attempt).build();
    for (long i = 0; i < Math.min(records, MAX_FILLERS); i++) {
      send(filler);
    }
  }

  private void send(Order order) {
    sinks.send(TopicKind.ORDERS, order.getTask(), Keys.shard(order.getSlot()), order);
  }

  private void send(List<Order> orders) {
    orders.forEach(this::send);
  }
}
