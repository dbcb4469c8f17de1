package io.gradstream.proto.run;

import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.proto.UserError;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.message.RunRecord;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.topic.Connection;
import io.gradstream.proto.topic.LogReader;
import io.gradstream.proto.topic.Topics;
import java.util.List;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;

/**
 * A submitted run, as every service finds it on its spec topic.
 *
 * @param spec what was submitted, overrides applied
 * @param manifest what its parameter vector means
 * @param connection where its topics are
 */
public record Run(RunSpec spec, Manifest manifest, Connection connection) {
  private static final int MAX_ORDER_PARTITIONS = 16;

  public Topics topics() {
    return new Topics(spec.run(), manifest.tasks());
  }

  /** Slots per task and round. */
  public int slots() {
    return spec.accumulation().slots(spec.tasks().size());
  }

  /**
   * How many tasks orders are given for: the run's, and the pseudo-task where rounds are selected.
   */
  public int orderedTasks() {
    return manifest.tasks().size() + (spec.selection().kind().equals("none") ? 0 : 1);
  }

  /**
   * Partitions of a task's orders. A share group gives each partition to one worker unless there
   * are more workers than partitions; one for each slot spreads every round's orders evenly.
   */
  public int orderPartitions() {
    return Math.min(MAX_ORDER_PARTITIONS, slots());
  }

  public RunRecord toRecord() {
    return RunRecord.newBuilder().setSpec(spec.text()).setManifest(manifest.toRecord()).build();
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
      final byte[] record =
          log.last(partition)
              .orElseThrow(
                  () ->
                      new UserError(
                          "topic %s is empty; submit the run again".formatted(partition.topic())))
              .value();
      final RunRecord run = RunRecord.parseFrom(record);
      return new Run(
          RunSpec.parse(run.getSpec(), "topic " + partition.topic(), List.of()),
          Manifest.fromRecord(run.getManifest()),
          connection);
    } catch (InvalidProtocolBufferException e) {
      throw new UserError("topic %s holds no run record".formatted(partition.topic()), e);
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
}
