package io.gradstream.submission;

import io.gradstream.proto.UserError;
import io.gradstream.proto.topic.Connection;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.KafkaException;

/** Opens a cluster for administration, or fails within seconds where no broker answers. */
public final class ClusterAdmin {
  private static final int TIMEOUT_SECONDS = 15;

  private ClusterAdmin() {}

  /**
   * An administration client of a cluster that answered; the caller closes it.
   *
   * @throws UserError if the address is not usable, or no broker answers there within 15 s
   */
  public static Admin open(Connection connection) {
    final Admin admin;
    try {
      admin = connection.admin();
    } catch (KafkaException e) {
      final Throwable cause = e.getCause() == null ? e : e.getCause();
      throw new UserError(
          "--bootstrap: " + connection.bootstrap() + " is not usable: " + cause.getMessage(), e);
    }
    try {
      admin.describeCluster().nodes().get(TIMEOUT_SECONDS, TimeUnit.SECONDS);
      return admin;
    } catch (TimeoutException | ExecutionException e) {
      admin.close(Duration.ZERO);
      throw new UserError(
          "no Kafka broker answers at "
              + connection.bootstrap()
              + " (waited "
              + TIMEOUT_SECONDS
              + " s); start one with: gradstream broker --data-dir DIR",
          e);
    } catch (InterruptedException e) {
      admin.close(Duration.ZERO);
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while waiting for a broker", e);
    }
  }
}
