package io.gradstream.proto.streams;

import io.gradstream.proto.topic.LogReader;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.TreeMap;
import java.util.function.ObjLongConsumer;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * Records that came before their turn.
 *
 * <p>Several may be held for one turn, in the order of the log: whether a record fits is known at
 * its turn, and one that does not must not have taken the place of one that does.
 *
 * <p>They are kept in memory up to a limit. Past it the bytes of the record are let go and only its
 * place in the log stays; at its turn it is read again from there. The same happens after a
 * restart, when only the places are known. One owner, one thread.
 *
 * @param <K> names a record's turn
 */
public final class HeldRecords<K> {
  /** Where a held record lies, and its bytes while there is room for them. */
  private record Held(TopicPartition partition, long offset, byte @Nullable [] record) {}

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

  public boolean contains(K turn) {
    return held.containsKey(turn);
  }

  /**
   * Takes the first record of a turn out, from memory or from the log; nothing when none is held.
   */
  public @Nullable Taken take(K turn) {
    final Deque<Held> ofTurn = held.get(turn);
    if (ofTurn == null) {
      return null;
    }
    final Held taken = ofTurn.remove();
    if (ofTurn.isEmpty()) {
      held.remove(turn);
    }
    final byte[] record = taken.record();
    if (record == null) {
      return new Taken(taken.offset(), log.read(taken.partition(), taken.offset()));
    }
    bytes -= record.length;
    return new Taken(taken.offset(), record);
  }

  /** Lets go of everything whose turn is over. */
  public void dropBefore(K turn) {
    final var over = held.headMap(turn);
    for (final Deque<Held> ofTurn : over.values()) {
      for (final Held each : ofTurn) {
        bytes -= each.record() == null ? 0 : each.record().length;
      }
    }
    over.clear();
  }

  /** The turns and the offsets of their records, in order of turns. */
  public void forEach(ObjLongConsumer<K> action) {
    held.forEach((turn, ofTurn) -> ofTurn.forEach(each -> action.accept(turn, each.offset())));
  }
}
