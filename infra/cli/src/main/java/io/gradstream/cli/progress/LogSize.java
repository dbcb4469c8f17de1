package io.gradstream.cli.progress;

import io.gradstream.proto.run.Run;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.Node;

/**
 * What a run's topics take on the brokers' disks, all replicas together.
 *
 * @param bytes of all topics with the run's prefix
 */
public record LogSize(long bytes) {
  private static final String[] UNITS = {"B", "KB", "MB", "GB", "TB", "PB"};

  /** Asks the brokers; empty if they do not tell. */
  public static Optional<LogSize> of(Run run) {
    final String prefix = run.spec().run() + ".";
    try (Admin admin = run.connection().admin()) {
      final var brokers = admin.describeCluster().nodes().get().stream().map(Node::id).toList();
      long bytes = 0;
      for (final var directories :
          admin.describeLogDirs(brokers).allDescriptions().get().values()) {
        for (final var directory : directories.values()) {
          for (final var replica : directory.replicaInfos().entrySet()) {
            if (replica.getKey().topic().startsWith(prefix)) {
              bytes += replica.getValue().size();
            }
          }
        }
      }
      return Optional.of(new LogSize(bytes));
    } catch (ExecutionException e) {
      return Optional.empty();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return Optional.empty();
    }
  }

  /** Such as {@code 1.2 GB}. */
  public String text() {
    double amount = bytes;
    int unit = 0;
    while (amount >= 1000 && unit < UNITS.length - 1) {
      amount /= 1000;
      unit++;
    }
    return String.format(Locale.ROOT, unit == 0 ? "%.0f %s" : "%.3g %s", amount, UNITS[unit]);
  }
}
