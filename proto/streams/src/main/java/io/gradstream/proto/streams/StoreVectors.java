package io.gradstream.proto.streams;

import io.gradstream.proto.kernels.NamedVectors;
import io.gradstream.proto.kernels.VectorId;
import io.gradstream.proto.log.LogReader;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RetriableException;
import org.jspecify.annotations.Nullable;

/**
 * The vectors of an {@link InPlaceStore}, outside the heap, and what of each is in the changelog.
 * One owner, one thread.
 */
final class StoreVectors implements NamedVectors, AutoCloseable {
  /** A vector, and what of it is in the changelog. */
  static final class Cell {
    final MemorySegment values;

    /** Changed since it was last written. */
    boolean changed;

    /** Written since the last confirmed commit. */
    boolean unconfirmed;

    /** The generation that last wrote it; 0 when this writer has not. */
    long generation;

    /** Of the two keys that of its confirmed copy. */
    int side = 1;

    Cell(MemorySegment values) {
      this.values = values;
    }
  }

  /** Another instance went on writing. */
  private static final class OverwrittenException extends RetriableException {
    private static final long serialVersionUID = 1;

    OverwrittenException(String message) {
      super(message);
    }
  }

  private final Map<VectorId, Cell> cells = new HashMap<>();

  /** Holds the vectors, and is closed with the store: nobody waits for a garbage collection. */
  private @Nullable Arena arena;

  /** All vectors. */
  Map<VectorId, Cell> cells() {
    return cells;
  }

  @Override
  public MemorySegment vector(VectorId id, long length) {
    final Cell cell = cells.computeIfAbsent(id, absent -> new Cell(allocate(length * Float.BYTES)));
    if (cell.values.byteSize() != length * Float.BYTES) {
      throw new IllegalStateException(
          "%s has %d bytes, asked for %d values".formatted(id, cell.values.byteSize(), length));
    }
    return cell.values;
  }

  @Override
  public void changed(VectorId id) {
    final Cell cell = cells.get(id);
    if (cell == null) {
      throw new IllegalArgumentException("no vector " + id);
    }
    cell.changed = true;
  }

  /** Takes over a vector that somebody else made. */
  void put(VectorId id, MemorySegment values) {
    cells.put(id, new Cell(values));
  }

  /**
   * Takes over the vectors of a commit in place of those that are here: where they are in memory,
   * they are these; else they are read.
   *
   * @param log reads the changelog
   * @throws RetriableException when another instance has overwritten the commit meanwhile
   */
  void recover(Commits.Whole whole, LogReader log, TopicPartition changelog) {
    final var offsets = new TreeMap<Long, VectorId>();
    whole
        .vectors()
        .forEach(
            (id, copy) -> {
              if (copy.values() != null) {
                put(id, copy.values());
              } else {
                offsets.put(copy.offset(), id);
              }
            });
    log.readAt(
        changelog,
        offsets.keySet(),
        record -> {
          final MemorySegment values = Commits.valuesOf(record.bytes());
          final MemorySegment vector = allocate(values.byteSize());
          vector.copyFrom(values);
          put(Objects.requireNonNull(offsets.get(record.offset())), vector);
        });
    if (cells.size() < whole.vectors().size()) {
      throw new OverwrittenException(changelog + " changed while it was restored");
    }
  }

  @SuppressWarnings("MustBeClosedChecker") // close closes it
  private MemorySegment allocate(long bytes) {
    if (arena == null) {
      arena = Arena.ofShared();
    }
    return arena.allocate(bytes, NamedVectors.ALIGNMENT);
  }

  /** Lets go of all vectors; their memory stays, since a commit may hold them. */
  void forget() {
    cells.clear();
  }

  /** Gives the memory of all vectors back, also of those let go before. */
  @Override
  public void close() {
    cells.clear();
    if (arena != null) {
      arena.close();
      arena = null;
    }
  }
}
