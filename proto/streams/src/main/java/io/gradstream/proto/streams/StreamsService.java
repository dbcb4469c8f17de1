package io.gradstream.proto.streams;

import io.gradstream.proto.run.Run;
import io.gradstream.proto.topic.MonotonicTime;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.CloseOptions.GroupMembershipOperation;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A running Kafka Streams application of a run.
 *
 * <p>A fault that passes (a broker away for long) replaces the thread it hit, which goes on from
 * the last commit; any other stops the service, and {@link #failure()} tells it.
 */
public final class StreamsService implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(StreamsService.class);
  private static final Duration CLOSE_LIMIT = Duration.ofSeconds(30);
  private static final String TRANSACTIONS =
      "org.apache.kafka.clients.producer.internals.TransactionManager";

  private final String name;
  private final KafkaStreams streams;
  private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();

  private StreamsService(String name, KafkaStreams streams) {
    this.name = name;
    this.streams = streams;
  }

  public static StreamsService start(
      Run run, String application, String instance, Path stateDir, Topology topology) {
    final var streams =
        new KafkaStreams(
            topology,
            StreamsSettings.of(run, application, instance, stateDir),
            MonotonicTime.ofSystem());
    final var service = new StreamsService(application, streams);
    streams.setUncaughtExceptionHandler(service::onFault);
    streams.start();
    return service;
  }

  private StreamThreadExceptionResponse onFault(Throwable fault) {
    if (passes(fault)) {
      LOG.warn(
          "{}: a thread met a fault that passes, and begins again at the last commit", name, fault);
      return StreamThreadExceptionResponse.REPLACE_THREAD;
    }
    LOG.error("{}: stops, because of a fault that does not pass", name, fault);
    failure.compareAndSet(null, fault);
    return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
  }

  /** Whether a fault is the cluster's and passes, so that a new thread can go on from the log. */
  static boolean passes(Throwable fault) {
    for (Throwable cause = fault; cause != null; cause = cause.getCause()) {
      if (cause instanceof RetriableException || isUnendedTransaction(cause)) {
        return true;
      }
    }
    return false;
  }

  /**
   * Whether a producer refuses to work because brokers did not answer in time when it ended a
   * transaction. Streams goes on to use that producer; a new thread has a new one, which ends the
   * transaction first.
   */
  private static boolean isUnendedTransaction(Throwable fault) {
    return fault instanceof IllegalStateException
        && fault.getStackTrace().length > 0
        && fault.getStackTrace()[0].getClassName().equals(TRANSACTIONS);
  }

  /** Why the service stopped, if it did not stop on request. */
  public Optional<Throwable> failure() {
    return Optional.ofNullable(failure.get());
  }

  /** Commits and stops. The instance keeps its place in the group, for a quick restart. */
  @Override
  public void close() {
    close(GroupMembershipOperation.REMAIN_IN_GROUP);
  }

  /** Commits, stops and hands its partitions to the other instances at once. */
  public void leave() {
    close(GroupMembershipOperation.LEAVE_GROUP);
  }

  private void close(GroupMembershipOperation membership) {
    streams.close(CloseOptions.timeout(CLOSE_LIMIT).withGroupMembershipOperation(membership));
  }
}
