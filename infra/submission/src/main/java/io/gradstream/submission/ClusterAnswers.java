package io.gradstream.submission;

import io.gradstream.proto.UserError;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.function.BooleanSupplier;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.RetriableException;

/** Waits for a cluster's answers, and until a change has reached all its brokers. */
final class ClusterAnswers {
  private static final Duration TIMEOUT = Duration.ofSeconds(60);
  private static final Duration POLL_INTERVAL = Duration.ofMillis(50);

  private ClusterAnswers() {}

  /**
   * The answer to one request.
   *
   * @throws KafkaException as the broker answered
   */
  static <T> T await(Future<T> future) {
    try {
      return future.get();
    } catch (ExecutionException e) {
      throw e.getCause() instanceof KafkaException kafka ? kafka : new KafkaException(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while waiting for the brokers", e);
    }
  }

  /**
   * Waits until a condition holds. An error that Kafka calls retriable counts as not yet.
   *
   * @param what what the cluster should do, such as "delete the old topics"
   * @throws UserError if it does not hold within a minute
   */
  static void awaitCluster(String bootstrap, String what, BooleanSupplier isDone) {
    final long deadline = System.nanoTime() + TIMEOUT.toNanos();
    while (!isDoneNow(isDone)) {
      if (System.nanoTime() > deadline) {
        throw new UserError(
            "the cluster at %s does not %s within %d s; look at its brokers and try again"
                .formatted(bootstrap, what, TIMEOUT.toSeconds()));
      }
      Pause.of(POLL_INTERVAL);
    }
  }

  private static boolean isDoneNow(BooleanSupplier isDone) {
    try {
      return isDone.getAsBoolean();
    } catch (RetriableException notYet) {
      return false;
    }
  }
}
