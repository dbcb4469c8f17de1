package io.gradstream.proto.run;

import io.gradstream.proto.log.LogReader;
import io.gradstream.proto.message.StateRecord.Owner;
import io.gradstream.proto.record.MalformedRecordException;
import java.util.Optional;
import org.apache.kafka.common.TopicPartition;

/**
 * The state with which a service begins when its store has no commit: none, or in a forked run the
 * store of that service in the run it comes from. The records stay on their topic, so a service
 * that dies before its first commit begins once more.
 */
public final class InitialState {
  private InitialState() {}

  /**
   * Reads the beginning of a service on one partition.
   *
   * @return empty for a run that is no fork
   * @throws IllegalStateException when a fork's topic does not hold it
   */
  public static Optional<StoreImage> of(Run run, LogReader log, int partition, Owner owner) {
    if (run.description().origin().isEmpty()) {
      return Optional.empty();
    }
    final var state = new TopicPartition(run.topics().state(), partition);
    final var reader = new StoreImage.Reader(owner);
    log.read(
        state,
        0,
        log.end(state),
        record -> {
          try {
            reader.add(record.bytes());
          } catch (MalformedRecordException e) {
            throw new IllegalStateException(
                "%s holds something else at offset %d: %s"
                    .formatted(state, record.offset(), e.getMessage()),
                e);
          }
        });
    return Optional.of(
        reader
            .image()
            .orElseThrow(() -> new IllegalStateException(state + " has nothing of " + owner)));
  }
}
