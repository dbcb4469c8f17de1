package io.gradstream.producer.worker;

import io.gradstream.proto.UserError;
import io.gradstream.proto.run.Run;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.config.ConfigResource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How many workers brokers let a run have: each worker thread is a member of the run's share group,
 * and a member too many fails at its first order.
 */
final class GroupLimit {
  private static final Logger LOG = LoggerFactory.getLogger(GroupLimit.class);
  private static final String SETTING = "group.share.max.size";
  private static final int PATIENCE_SECONDS = 10;

  private GroupLimit() {}

  /**
   * Requires room for some more workers. Nothing is checked where the brokers do not tell their
   * limit, for instance because the client may not ask.
   *
   * @throws UserError if the brokers would not take them all
   */
  static void requireRoom(Run run, int joining) {
    final String group = run.topics().workerGroup();
    try (Admin admin = run.connection().admin()) {
      final int limit = limit(admin);
      final int members = members(admin, group);
      if (members + joining > limit) {
        throw new UserError(
            ("run %s has %d workers, %d more would be more than the brokers' setting %s allows, which is"
                    + " %d; start fewer (--threads), or raise it on every broker (Kafka takes at most 1000)")
                .formatted(run.spec().run(), members, joining, SETTING, limit));
      }
    } catch (ExecutionException | TimeoutException e) {
      LOG.debug("the brokers do not tell how many workers group {} may have", group, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while asking for group " + group, e);
    }
  }

  private static int limit(Admin admin)
      throws ExecutionException, TimeoutException, InterruptedException {
    final Collection<Node> brokers = await(admin.describeCluster().nodes());
    final var broker =
        new ConfigResource(ConfigResource.Type.BROKER, brokers.iterator().next().idString());
    final Config config = await(admin.describeConfigs(List.of(broker)).all()).get(broker);
    final ConfigEntry limit = config == null ? null : config.get(SETTING);
    return limit == null ? Integer.MAX_VALUE : Integer.parseInt(limit.value());
  }

  /** Members that a group has; none where nobody has joined it yet. */
  private static int members(Admin admin, String group)
      throws TimeoutException, InterruptedException {
    try {
      return await(admin.describeShareGroups(List.of(group)).all()).values().stream()
          .mapToInt(description -> description.members().size())
          .sum();
    } catch (ExecutionException e) {
      return 0;
    }
  }

  private static <T> T await(KafkaFuture<T> future)
      throws ExecutionException, TimeoutException, InterruptedException {
    return future.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
  }
}
