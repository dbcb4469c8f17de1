package io.gradstream.proto.streams;

import io.gradstream.proto.log.LogReader;
import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How far each of a service's topics was taken in, on one partition.
 *
 * <p>The positions go into the metadata of the service's store, so they and the store's vectors are
 * of one moment. The offsets that Kafka committed may be of another: an instance that was taken for
 * dead and went on may have written the newest commit. Records before a position are therefore
 * known by {@link #contains} and skipped, and what lies between a position and the committed offset
 * is read from the log by {@link #catchUp}. One owner, one thread.
 */
public final class InputPositions {
  /** Takes a record in. */
  @FunctionalInterface
  public interface Handler {
    void accept(long offset, byte @Nullable [] value);
  }

  private static final Logger LOG = LoggerFactory.getLogger(InputPositions.class);

  private final LogReader log;
  private final TreeMap<String, Long> positions = new TreeMap<>();

  /**
   * @param log of the service's consumer group
   */
  public InputPositions(LogReader log) {
    this.log = log;
  }

  /**
   * Forgets all, and goes on from positions of a metadata; without a metadata from an empty map.
   */
  public void restore(Map<String, Long> saved) {
    positions.clear();
    positions.putAll(saved);
  }

  /** Per topic the next offset to take in; topics of which nothing was taken in are not there. */
  public Map<String, Long> positions() {
    return Collections.unmodifiableMap(positions);
  }

  /** Whether the record at an offset was taken in before. */
  public boolean contains(String topic, long offset) {
    return offset < positions.getOrDefault(topic, 0L);
  }

  /** Says that the record at an offset was taken in. */
  public void tookIn(String topic, long offset) {
    positions.put(topic, offset + 1);
  }

  /**
   * Hands over what was committed but not taken in; normally nothing.
   *
   * <p>Neither a position nor a committed offset beyond the partition's end is waited for, see
   * {@link #truncate}.
   */
  public void catchUp(TopicPartition from, Handler handler) {
    final long committed = log.committed(from);
    if (committed == 0 && !positions.containsKey(from.topic())) {
      return;
    }
    truncate(from);
    final long position = positions.getOrDefault(from.topic(), 0L);
    final long to = Math.min(committed, log.end(from));
    if (to > position) {
      log.read(from, position, to, record -> handler.accept(record.offset(), record.value()));
      positions.put(from.topic(), to);
    }
  }

  /**
   * Goes back to a partition's end where the position lies beyond it, because a broker has lost the
   * end of its log. Otherwise the records that come in the lost ones' place would be taken for
   * those.
   *
   * @return whether it was so
   */
  public boolean truncate(TopicPartition of) {
    final long position = positions.getOrDefault(of.topic(), 0L);
    final long end = position == 0 ? 0 : log.end(of);
    if (end >= position) {
      return false;
    }
    LOG.warn(
        "{} ends at offset {}, and was read up to {}: its last {} records were lost",
        of,
        end,
        position,
        position - end);
    positions.put(of.topic(), end);
    return true;
  }
}
