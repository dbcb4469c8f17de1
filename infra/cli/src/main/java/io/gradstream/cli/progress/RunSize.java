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
 * @param gradients of them, of gradients
 * @param changelogs of them, of the services' state, before Kafka compacts it
 */
public record RunSize(long bytes, long gradients, long changelogs) {
  private static final String[] UNITS = {"B", "KB", "MB", "GB", "TB", "PB"};

  /** Asks the brokers; empty if they do not tell. */
  public static Optional<RunSize> of(Run run) {
    final String prefix = run.spec().run() + ".";
    try (Admin admin = run.connection().admin()) {
      final var brokers = admin.describeCluster().nodes().get().stream().map(Node::id).toList();
      long bytes = 0;
      long gradients = 0;
      long changelogs = 0;
      for (final var directories :
          admin.describeLogDirs(brokers).allDescriptions().get().values()) {
        for (final var directory : directories.values()) {
          for (final var replica : directory.replicaInfos().entrySet()) {
            final String topic = replica.getKey().topic();
            if (topic.startsWith(prefix)) {
              final long size = replica.getValue().size();
              bytes += size;
              gradients += run.topics().taskOfGradients(topic) >= 0 ? size : 0;
              changelogs += topic.endsWith("-changelog") ? size : 0;
            }
          }
        }
      }
      return Optional.of(new RunSize(bytes, gradients, changelogs));
    } catch (ExecutionException e) {
      return Optional.empty();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return Optional.empty();
    }
  }

  /** Such as {@code 1.2 GB in Kafka: 1.1 GB gradients, 32 MB state of the services}. */
  public String text() {
    return "%s in Kafka: %s gradients, %s state of the services"
        .formatted(text(bytes), text(gradients), text(changelogs));
  }

  /** Such as {@code 1.2 GB}. */
  public static String text(long bytes) {
    double amount = bytes;
    int unit = 0;
    while (amount >= 1000 && unit < UNITS.length - 1) {
      amount /= 1000;
      unit++;
    }
    return String.format(Locale.ROOT, unit == 0 ? "%.0f %s" : "%.3g %s", amount, UNITS[unit]);
  }
}
