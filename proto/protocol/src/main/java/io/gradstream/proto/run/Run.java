package io.gradstream.proto.run;

import io.gradstream.proto.UserError;
import io.gradstream.proto.log.LogReader;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.spec.TaskSlots;
import io.gradstream.proto.topic.Connection;
import io.gradstream.proto.topic.Topics;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * A submitted run, as every service finds it on its spec topic.
 *
 * @param description its spec and manifest
 * @param connection where its topics are
 */
public record Run(RunDescription description, Connection connection) {
  public RunSpec spec() {
    return description.spec();
  }

  public Manifest manifest() {
    return description.manifest();
  }

  public Topics topics() {
    return description.topics();
  }

  /** How many slots each task has in a round. */
  public TaskSlots slots() {
    return description.slots();
  }

  /** How many tasks orders are given for, as {@link RunDescription#orderedTasks} says. */
  public int orderedTasks() {
    return description.orderedTasks();
  }

  /** Partitions of a task's orders, as {@link RunDescription#orderPartitions} says. */
  public int orderPartitions() {
    return description.orderPartitions();
  }

  /**
   * Reads a run from its spec topic.
   *
   * @throws UserError when no broker answers, or no run of that name was submitted there
   */
  public static Run read(Connection connection, String name) {
    final var partition = new TopicPartition(Topics.spec(name), 0);
    try (Admin admin = connection.admin();
        LogReader log = new LogReader(connection, name)) {
      if (!admin.listTopics().names().get().contains(partition.topic())) {
        throw new UserError(
            "no run %s at %s; start it with: gradstream submit SPEC --bootstrap %s"
                .formatted(name, connection.bootstrap(), connection.bootstrap()));
      }
      final var records = new ArrayList<byte @Nullable []>();
      log.read(partition, 0, log.end(partition), record -> keep(records, record.value()));
      return new Run(RunDescription.first(name, records, "topic " + partition.topic()), connection);
    } catch (ExecutionException | KafkaException e) {
      throw new UserError(
          "no broker answers at %s; is it running, and is the address right?"
              .formatted(connection.bootstrap()),
          e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while reading run " + name, e);
    }
  }

  /** Keeps what may be the run's record; files that travel with it are read when needed. */
  private static void keep(List<byte @Nullable []> records, byte @Nullable [] record) {
    if (record != null && RunDescription.isRunRecord(record)) {
      records.add(record);
    }
  }
}
