package io.gradstream.producer.worker;

import io.gradstream.proto.UserError;
import io.gradstream.proto.run.Run;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
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
 *
 * <p>A large group is also told to send its heartbeats less often than brokers say by default. In
 * Kafka 4.4.0 a member whose heartbeat is not answered before the next one is due asks its sockets
 * without a pause until it is; some hundred members that do so on the brokers' own machine keep
 * these from answering at all.
 */
final class GroupLimit {
  private static final Logger LOG = LoggerFactory.getLogger(GroupLimit.class);
  private static final String SETTING = "group.share.max.size";
  private static final String HEARTBEAT = "share.heartbeat.interval.ms";
  private static final String SESSION = "share.session.timeout.ms";
  private static final int PATIENCE_SECONDS = 10;

  /** A hundred heartbeats a second in all. */
  private static final int HEARTBEAT_MS_PER_MEMBER = 10;

  /** Kafka's default; more members than five hundred send more heartbeats. */
  private static final int LONGEST_HEARTBEAT_MS = 5_000;

  /** So many heartbeats may be lost before a member is taken for dead. */
  private static final int HEARTBEATS_PER_SESSION = 3;

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
      slowHeartbeats(admin, group, members + joining);
    } catch (ExecutionException | TimeoutException e) {
      LOG.debug("the brokers do not tell, or let nobody set, how group {} may grow", group, e);
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

  /** The shortest time between two heartbeats of a member that a group of some size should have. */
  static int heartbeatMs(int members) {
    return Math.min(LONGEST_HEARTBEAT_MS, HEARTBEAT_MS_PER_MEMBER * members);
  }

  private static void slowHeartbeats(Admin admin, String group, int members)
      throws ExecutionException, TimeoutException, InterruptedException {
    final var resource = new ConfigResource(ConfigResource.Type.GROUP, group);
    final Config config = await(admin.describeConfigs(List.of(resource)).all()).get(resource);
    final int heartbeat = heartbeatMs(members);
    if (config == null || valueOf(config, HEARTBEAT) >= heartbeat) {
      return;
    }
    final int session = Math.max(HEARTBEATS_PER_SESSION * heartbeat, valueOf(config, SESSION));
    await(
        admin
            .incrementalAlterConfigs(
                Map.of(resource, List.of(set(HEARTBEAT, heartbeat), set(SESSION, session))))
            .all());
  }

  private static int valueOf(Config config, String name) {
    final ConfigEntry entry = config.get(name);
    return entry == null ? Integer.MAX_VALUE : Integer.parseInt(entry.value());
  }

  private static AlterConfigOp set(String name, int value) {
    return new AlterConfigOp(
        new ConfigEntry(name, String.valueOf(value)), AlterConfigOp.OpType.SET);
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
