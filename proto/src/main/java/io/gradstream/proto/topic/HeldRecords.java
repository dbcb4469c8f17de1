package io.gradstream.proto.topic;

import java.util.Comparator;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.ObjLongConsumer;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * Records that came before their turn.
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

  private final TreeMap<K, Held> held;
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

  /** Keeps a record for its turn; the first of several for one turn stays. */
  public void hold(K turn, TopicPartition partition, long offset, byte[] record) {
    if (held.containsKey(turn)) {
      return;
    }
    final boolean room = bytes + record.length <= maxBytes;
    held.put(turn, new Held(partition, offset, room ? record : null));
    bytes += room ? record.length : 0;
  }

  /** Keeps a record of which only the place is known. */
  public void hold(K turn, TopicPartition partition, long offset) {
    held.putIfAbsent(turn, new Held(partition, offset, null));
  }

  public boolean contains(K turn) {
    return held.containsKey(turn);
  }

  /** Takes a record out, from memory or from the log; nothing when none is held for the turn. */
  public @Nullable Taken take(K turn) {
    final Held taken = held.remove(turn);
    if (taken == null) {
      return null;
    }
    final byte[] record = taken.record();
    if (record == null) {
      return new Taken(taken.offset(), log.read(taken.partition(), taken.offset()));
    }
    bytes -= record.length;
    return new Taken(taken.offset(), record);
  }

  /** The turns and the offsets of their records, in order of turns. */
  public void forEach(ObjLongConsumer<K> action) {
    for (final Map.Entry<K, Held> entry : held.entrySet()) {
      action.accept(entry.getKey(), entry.getValue().offset());
    }
  }
}
