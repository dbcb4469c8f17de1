package io.gradstream.chaos;

import io.gradstream.chaos.Fault.Role;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.topic.TopicKind;
import io.gradstream.proto.topic.TopicKind.Writer;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.TopicConfig;

/**
 * A topic that takes no records for a while: it demands more replicas in sync than there are, so
 * that brokers refuse what is sent to it, and clients try again until their time is over. Other
 * topics of the same writer go on, which is what a failing send looks like from within. Closing it
 * ends the refusal.
 */
final class Refusal implements AutoCloseable {
  private static final Map<Role, Writer> WRITERS =
      Map.of(
          Role.ARBITRATOR, Writer.ARBITRATOR,
          Role.SERVER, Writer.SERVER,
          Role.WORKER, Writer.WORKER);

  private final Admin admin;
  private final String topic;

  /**
   * @param role whose sends shall fail
   * @param draw which of the topics that the role writes, any number from 0 on
   * @param replicas more than any topic has
   */
  Refusal(Run run, Role role, int draw, int replicas) {
    admin = run.connection().admin();
    final List<String> topics = topics(run, role);
    topic = topics.get(draw % topics.size());
    alter(
        new AlterConfigOp(
            new ConfigEntry(TopicConfig.MIN_IN_SYNC_REPLICAS_CONFIG, Integer.toString(replicas)),
            AlterConfigOp.OpType.SET));
  }

  String topic() {
    return topic;
  }

  private List<String> topics(Run run, Role role) {
    final String name = run.spec().run();
    final String changelogs = name + "." + role.label() + "-";
    final Writer writer = WRITERS.get(role);
    try {
      return admin.listTopics().names().get().stream()
          .filter(
              topic ->
                  topic.startsWith(changelogs)
                      || List.of(TopicKind.values()).stream()
                          .anyMatch(
                              kind ->
                                  kind.includes(name, topic) && kind.writers().contains(writer)))
          .sorted()
          .toList();
    } catch (InterruptedException e) {
      throw interrupted(e);
    } catch (ExecutionException e) {
      throw new KafkaException("the topics of a run cannot be listed", e);
    }
  }

  private void alter(AlterConfigOp change) {
    try {
      admin
          .incrementalAlterConfigs(
              Map.of(new ConfigResource(ConfigResource.Type.TOPIC, topic), List.of(change)))
          .all()
          .get();
    } catch (InterruptedException e) {
      throw interrupted(e);
    } catch (ExecutionException e) {
      throw new KafkaException("topic " + topic + " cannot be changed", e);
    }
  }

  private static IllegalStateException interrupted(InterruptedException e) {
    Thread.currentThread().interrupt();
    return new IllegalStateException("interrupted while changing a topic", e);
  }

  @Override
  public void close() {
    try (admin) {
      alter(
          new AlterConfigOp(
              new ConfigEntry(TopicConfig.MIN_IN_SYNC_REPLICAS_CONFIG, ""),
              AlterConfigOp.OpType.DELETE));
    }
  }
}
