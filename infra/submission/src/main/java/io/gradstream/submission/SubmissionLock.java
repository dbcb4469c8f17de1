package io.gradstream.submission;

import static io.gradstream.submission.ClusterAnswers.await;

import io.gradstream.proto.UserError;
import io.gradstream.proto.topic.Connection;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsResult;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicCollection;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicIdException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Lets one submission of a run work at a time, over all machines.
 *
 * <p>The lock is a topic, {@code <run>.submission}: of several that create it, Kafka lets one
 * succeed. Its holder writes a record every second and deletes it at the end. A holder that has
 * been silent for {@link #HEARTBEAT_TIMEOUT} is taken for dead. Its topic is deleted by its Kafka
 * id, so that a later holder's topic cannot be deleted instead. One owner, one thread.
 */
final class SubmissionLock implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(SubmissionLock.class);
  private static final Duration HEARTBEAT_INTERVAL = Duration.ofSeconds(1);
  private static final Duration HEARTBEAT_TIMEOUT = Duration.ofSeconds(10);
  private static final Duration LOCK_TIMEOUT = Duration.ofMinutes(5);
  private static final Duration POLL_INTERVAL = Duration.ofMillis(200);

  /** The lock's topic and how many heartbeats it has: the holder is alive while this changes. */
  private record Heartbeat(Uuid topic, long beats) {}

  private final Admin admin;
  private final String run;
  private final Uuid topic;
  private final KafkaProducer<byte[], byte[]> producer;
  private final ScheduledExecutorService heartbeats;

  private SubmissionLock(Connection connection, Admin admin, String run, Uuid topic) {
    this.admin = admin;
    this.run = run;
    this.topic = topic;
    this.producer = new KafkaProducer<>(connection.producer());
    this.heartbeats =
        Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().name("submission-" + run).daemon().factory());
  }

  private static String nameOf(String run) {
    return run + ".submission";
  }

  /**
   * Takes the lock, and waits while another submission has it.
   *
   * @throws UserError if another submission keeps it for five minutes
   */
  static SubmissionLock take(Connection connection, Admin admin, String run) {
    final long deadline = System.nanoTime() + LOCK_TIMEOUT.toNanos();
    Heartbeat seen = null;
    long seenNanos = System.nanoTime();
    while (System.nanoTime() < deadline) {
      final Optional<Uuid> created = create(admin, run);
      if (created.isPresent()) {
        final var lock = new SubmissionLock(connection, admin, run, created.get());
        final var _ =
            lock.heartbeats.scheduleWithFixedDelay(
                lock::sendHeartbeat, 0, HEARTBEAT_INTERVAL.toMillis(), TimeUnit.MILLISECONDS);
        return lock;
      }
      final Heartbeat heartbeat = heartbeatOfHolder(admin, run).orElse(null);
      if (heartbeat == null || !heartbeat.equals(seen)) {
        seen = heartbeat;
        seenNanos = System.nanoTime();
      } else if (System.nanoTime() - seenNanos > HEARTBEAT_TIMEOUT.toNanos()) {
        LOG.warn(
            "an earlier submission of run {} was broken off and left its lock, which is deleted",
            run);
        delete(admin, heartbeat.topic());
      }
      Pause.of(POLL_INTERVAL);
    }
    throw new UserError(
        "another submission of run %s has been at work for %d minutes at %s; wait for it, or end it and submit again"
            .formatted(run, LOCK_TIMEOUT.toMinutes(), connection.bootstrap()));
  }

  private static Optional<Uuid> create(Admin admin, String run) {
    final var topic = new NewTopic(nameOf(run), Optional.of(1), Optional.empty());
    try {
      return Optional.of(await(admin.createTopics(List.of(topic)).topicId(nameOf(run))));
    } catch (TopicExistsException e) {
      return Optional.empty();
    }
  }

  private static Optional<Heartbeat> heartbeatOfHolder(Admin admin, String run) {
    final var partition = new TopicPartition(nameOf(run), 0);
    try {
      final Map<String, TopicDescription> topics =
          await(admin.describeTopics(List.of(nameOf(run))).allTopicNames());
      final var ends = await(admin.listOffsets(Map.of(partition, OffsetSpec.latest())).all());
      final TopicDescription topic = topics.get(nameOf(run));
      final ListOffsetsResult.ListOffsetsResultInfo end = ends.get(partition);
      return topic == null || end == null
          ? Optional.empty()
          : Optional.of(new Heartbeat(topic.topicId(), end.offset()));
    } catch (RetriableException goneOrNotYetThere) {
      return Optional.empty();
    }
  }

  private static void delete(Admin admin, Uuid topic) {
    try {
      await(admin.deleteTopics(TopicCollection.ofTopicIds(List.of(topic))).all());
    } catch (UnknownTopicIdException | UnknownTopicOrPartitionException e) {
      LOG.debug("lock {} is gone already", topic, e);
    }
  }

  private void sendHeartbeat() {
    // A heartbeat may get lost: the next one follows.
    final var _ = producer.send(new ProducerRecord<>(nameOf(run), 0, null, new byte[0]));
  }

  /**
   * Requires that no other submission has taken this one for dead.
   *
   * @throws UserError if one has
   */
  void requireHeld() {
    final long deadline = System.nanoTime() + HEARTBEAT_TIMEOUT.toNanos();
    Optional<Heartbeat> holder = heartbeatOfHolder(admin, run);
    // The broker that answers may not know a topic yet that was created a moment ago.
    while (holder.isEmpty() && System.nanoTime() < deadline) {
      Pause.of(POLL_INTERVAL);
      holder = heartbeatOfHolder(admin, run);
    }
    if (holder.map(Heartbeat::topic).filter(topic::equals).isEmpty()) {
      throw new UserError(
          "another submission of run %s took over while this one stood still; look at it with: gradstream status --run %s"
              .formatted(run, run));
    }
  }

  @Override
  public void close() {
    heartbeats.shutdownNow();
    producer.close(Duration.ZERO);
    try {
      delete(admin, topic);
    } catch (KafkaException e) {
      LOG.warn(
          "the submission of run {} could not delete its lock, which others take for abandoned after {}",
          run,
          HEARTBEAT_TIMEOUT,
          e);
    }
  }
}
