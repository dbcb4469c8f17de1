package io.gradstream.submission;

import io.gradstream.proto.UserError;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.function.BooleanSupplier;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.RetriableException;

/** Waiting for what a cluster answers, and for what it has decided to reach all its brokers. */
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
   * Waits until something is so; answers that are worth asking again for count as not yet.
   *
   * @param what the cluster should do, such as "let go of the old topics"
   * @throws UserError if it is not so within a minute
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
