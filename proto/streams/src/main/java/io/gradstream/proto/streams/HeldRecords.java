package io.gradstream.proto.streams;

import io.gradstream.proto.log.LogReader;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.function.ObjLongConsumer;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Records that came before their turn.
 *
 * <p>Several may be held for one turn, in the order of the log: whether a record fits is known at
 * its turn, and one that does not must not have taken the place of one that does.
 *
 * <p>They are kept in memory up to a limit. Past it the bytes of the record are let go and only its
 * place in the log stays; at its turn it is read again from there, together with those that follow
 * in the order of turns. The same happens after a restart, when only the places are known. A record
 * that the log does not hold any more, after a pause longer than its retention, is not held any
 * more either. One owner, one thread.
 *
 * @param <K> names a record's turn; records are read fastest when the order of turns is about that
 *     of the log
 */
public final class HeldRecords<K> {
  private static final Logger LOG = LoggerFactory.getLogger(HeldRecords.class);

  /** How many records are read again at once. They may exceed the limit on memory. */
  private static final int BLOCK = 16;

  /** How many turns are looked through for a block. */
  private static final int TURNS = 1000;

  /** Where a held record lies, and its bytes while there is room for them. */
  private static final class Held {
    final TopicPartition partition;
    final long offset;
    byte @Nullable [] record;

    Held(TopicPartition partition, long offset, byte @Nullable [] record) {
      this.partition = partition;
      this.offset = offset;
      this.record = record;
    }
  }

  /** A record whose turn has come, and where it lies. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  public record Taken(long offset, byte[] record) {}

  private final TreeMap<K, Deque<Held>> held;
  private final LogReader log;
  private final long maxBytes;
  private long bytes;

  /**
   * @param order order of turns
   * @param maxBytes how much memory the held records may take
   */
  public HeldRecords(Comparator<K> order, LogReader log, long maxBytes) {
    this.held = new TreeMap<>(order);
    this.log = log;
    this.maxBytes = maxBytes;
  }

  /** Keeps a record for its turn, after those that are held for it. */
  public void hold(K turn, TopicPartition partition, long offset, byte[] record) {
    final boolean room = bytes + record.length <= maxBytes;
    hold(turn, new Held(partition, offset, room ? record : null));
    bytes += room ? record.length : 0;
  }

  /** Keeps a record of which only the place is known. */
  public void hold(K turn, TopicPartition partition, long offset) {
    hold(turn, new Held(partition, offset, null));
  }

  private void hold(K turn, Held record) {
    held.computeIfAbsent(turn, first -> new ArrayDeque<>(1)).add(record);
  }

  /** Whether a record is held, as far as is known without reading it. */
  public boolean contains(K turn) {
    return held.containsKey(turn);
  }

  /** Whether {@link #take} will give a record: the first of the turn is read now. */
  public boolean isReady(K turn) {
    Deque<Held> ofTurn = held.get(turn);
    while (ofTurn != null && ofTurn.getFirst().record == null) {
      read(turn);
      ofTurn = held.get(turn);
    }
    return ofTurn != null;
  }

  /**
   * Takes the first record of a turn out, from memory or from the log; nothing when none is held,
   * or the log holds none of them any more.
   */
  public @Nullable Taken take(K turn) {
    final Deque<Held> ofTurn = isReady(turn) ? held.get(turn) : null;
    if (ofTurn == null) {
      return null;
    }
    final Held taken = ofTurn.remove();
    if (ofTurn.isEmpty()) {
      held.remove(turn);
    }
    final byte[] record = Objects.requireNonNull(taken.record);
    bytes -= record.length;
    return new Taken(taken.offset, record);
  }

  /** Reads the first record of a turn, and what lies on the same partition for the next turns. */
  private void read(K from) {
    final Map<Long, Held> block = new HashMap<>();
    final TopicPartition partition = Objects.requireNonNull(held.get(from)).getFirst().partition;
    int turns = 0;
    for (final Deque<Held> ofTurn : held.tailMap(from, true).values()) {
      turns++;
      for (final Held each : ofTurn) {
        if (each.record == null && each.partition.equals(partition) && block.size() < BLOCK) {
          block.put(each.offset, each);
        }
      }
      if (block.size() == BLOCK || turns == TURNS) {
        break;
      }
    }
    log.readAt(
        partition,
        block.keySet(),
        record -> {
          final Held read = block.get(record.offset());
          if (read != null && record.value() != null) {
            read.record = record.value();
            bytes += record.value().length;
          }
        });
    block.values().removeIf(each -> each.record != null);
    if (!block.isEmpty()) {
      LOG.warn(
          "{} does not hold {} of the records any more that came before their turn",
          partition,
          block.size());
      drop(block);
    }
  }

  private void drop(Map<Long, Held> gone) {
    held.values()
        .removeIf(
            ofTurn -> {
              ofTurn.removeIf(each -> gone.get(each.offset) == each);
              return ofTurn.isEmpty();
            });
  }

  /** Lets go of everything whose turn is over. */
  public void dropBefore(K turn) {
    final var over = held.headMap(turn);
    for (final Deque<Held> ofTurn : over.values()) {
      for (final Held each : ofTurn) {
        bytes -= each.record == null ? 0 : each.record.length;
      }
    }
    over.clear();
  }

  /** The turns and the offsets of their records, in order of turns. */
  public void forEach(ObjLongConsumer<K> action) {
    held.forEach((turn, ofTurn) -> ofTurn.forEach(each -> action.accept(turn, each.offset)));
  }
}
