package io.gradstream.cli;

import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.proto.log.LogReader;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.topic.ClockWatch;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Watches the run of a role: whether it is over, and whether a broker answers. It reads one verdict
 * a second on a thread of its own, so that a broker that does not answer does not hold up the role.
 */
final class RunWatch implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(RunWatch.class);
  private static final Duration POLL_INTERVAL = Duration.ofSeconds(1);
  private static final Duration ANSWER_TIMEOUT = Duration.ofSeconds(5);

  private final Run run;
  private final String role;
  private final RunEnd end;
  private final Thread thread;
  private volatile boolean over;
  private volatile boolean closed;
  private long silentSinceNanos = -1;

  /**
   * @param role who asks, for its log, such as "worker"
   */
  RunWatch(Run run, String role) {
    this.run = run;
    this.role = role;
    this.end = new RunEnd(run);
    this.thread = Thread.ofPlatform().name("run-watch").daemon().start(this::watch);
  }

  /** Whether the last weights are published. */
  boolean isOver() {
    return over;
  }

  private void watch() {
    final var clock = ClockWatch.ofSystem();
    try {
      while (!closed && !over) {
        watch(clock);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Watches until there is no more to watch, or the clients are of no more use. */
  private void watch(ClockWatch clock) throws InterruptedException {
    try (Admin admin = run.connection().admin();
        LogReader log = new LogReader(run.connection(), run.spec().run() + ".watch")) {
      while (!closed && !over && !clock.wentBack()) {
        if (answers(admin)) {
          over = readIsOver(log);
        }
        Thread.sleep(POLL_INTERVAL);
      }
    }
  }

  private boolean answers(Admin admin) throws InterruptedException {
    try {
      admin.describeCluster().nodes().get(ANSWER_TIMEOUT.toSeconds(), TimeUnit.SECONDS);
      if (silentSinceNanos >= 0) {
        LOG.info("the {} of run {} gets answers from a broker again", role, run.spec().run());
        silentSinceNanos = -1;
      }
      return true;
    } catch (ExecutionException | TimeoutException e) {
      if (silentSinceNanos < 0) {
        silentSinceNanos = System.nanoTime();
        LOG.warn(
            "the {} of run {} gets no answer from a broker at {}; it goes on when one answers",
            role,
            run.spec().run(),
            run.connection().bootstrap());
      }
      return false;
    }
  }

  private boolean readIsOver(LogReader log) {
    final var verdicts =
        new TopicPartition(run.topics().verdicts(), run.manifest().shard(0).partition());
    try {
      final var last = log.last(verdicts);
      return last.isPresent()
          && Verdict.parseFrom(last.get().bytes()).getRound() + 1 >= run.spec().rounds()
          && end.isPublished();
    } catch (InvalidProtocolBufferException | KafkaException | IllegalStateException e) {
      LOG.debug(
          "the {} of run {} could not look whether the run is over", role, run.spec().run(), e);
      return false;
    }
  }

  @Override
  public void close() {
    closed = true;
    thread.interrupt();
  }
}
