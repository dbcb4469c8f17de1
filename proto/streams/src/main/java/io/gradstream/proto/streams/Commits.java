package io.gradstream.proto.streams;

import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.proto.kernels.NamedVectors;
import io.gradstream.proto.kernels.VectorId;
import io.gradstream.proto.message.StoreCommit;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.apache.kafka.common.utils.Bytes;
import org.jspecify.annotations.Nullable;

/**
 * The records of an {@link InPlaceStore}'s changelog, and what of them is a whole commit.
 *
 * <p>A commit is the changed vectors, each under its own key, and then one {@link StoreCommit} that
 * lists every vector with the generation that last wrote it. A vector alternates between two keys,
 * so the commit before stays readable until the next one's last record is there: a crash in the
 * middle of a commit leaves the one before. Keys begin with the writer's own number. An instance
 * that was taken for dead and goes on writing therefore cannot spoil the records of its successor;
 * of several whole commits the one of the highest epoch, then generation, counts.
 *
 * <p>Not thread-safe: Kafka Streams restores on one thread and hands the store over.
 */
final class Commits {
  private static final int KEY_BYTES = Long.BYTES + 2 + Integer.BYTES;
  private static final byte COMMIT = 2;

  /** One of the two keys of a vector. */
  private record Place(VectorId id, int slot) {}

  private record Copy(long generation, MemorySegment values) {}

  private static final class Chain {
    final Map<Place, Copy> copies = new HashMap<>();
    @Nullable StoreCommit commit;

    /** Whether every vector of the last commit is here as that commit saw it. */
    boolean whole() {
      return commit != null
          && commit.getCellsList().stream().allMatch(cell -> copyOf(cell).isPresent());
    }

    Optional<Copy> copyOf(StoreCommit.Cell cell) {
      final var id = new VectorId(cell.getKind(), cell.getIndex());
      return Stream.of(0, 1)
          .map(slot -> copies.get(new Place(id, slot)))
          .filter(copy -> copy != null && copy.generation() == cell.getGeneration())
          .findFirst();
    }
  }

  /** A whole commit: its vectors and its metadata. */
  record Whole(StoreCommit commit, Map<VectorId, MemorySegment> vectors) {}

  private final Map<Long, Chain> chains = new HashMap<>();
  private final Set<Bytes> keys = new HashSet<>();

  /** Takes in one changelog record; a null value deletes. */
  void restore(byte[] key, byte @Nullable [] value) {
    if (key.length != KEY_BYTES) {
      throw new IllegalStateException("a changelog key of " + key.length + " bytes");
    }
    final ByteBuffer parts = ByteBuffer.wrap(key);
    final Chain chain = chains.computeIfAbsent(parts.getLong(), writer -> new Chain());
    final int slot = parts.get();
    final var place =
        new Place(new VectorId(Byte.toUnsignedInt(parts.get()), parts.getInt()), slot);
    if (value == null) {
      keys.remove(Bytes.wrap(key));
      if (slot == COMMIT) {
        chain.commit = null;
      } else {
        chain.copies.remove(place);
      }
    } else {
      keys.add(Bytes.wrap(key));
      if (slot == COMMIT) {
        chain.commit = parse(value);
      } else {
        chain.copies.put(place, copyOf(value));
      }
    }
  }

  private static StoreCommit parse(byte[] value) {
    try {
      return StoreCommit.parseFrom(value);
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException("the changelog holds a record that no store wrote", e);
    }
  }

  private static Copy copyOf(byte[] value) {
    final MemorySegment record = MemorySegment.ofArray(value);
    final MemorySegment values =
        Arena.ofAuto().allocate(value.length - Long.BYTES, NamedVectors.ALIGNMENT);
    values.copyFrom(record.asSlice(Long.BYTES));
    return new Copy(record.get(ValueLayout.JAVA_LONG_UNALIGNED, 0), values);
  }

  /** The commit to go on from, or nothing where none is whole. */
  Optional<Whole> latest() {
    return chains.values().stream()
        .filter(Chain::whole)
        .max(
            Comparator.comparingLong((Chain chain) -> commitOf(chain).getEpoch())
                .thenComparingLong(chain -> commitOf(chain).getGeneration()))
        .map(
            chain -> {
              final var vectors = new HashMap<VectorId, MemorySegment>();
              for (final var cell : commitOf(chain).getCellsList()) {
                vectors.put(
                    new VectorId(cell.getKind(), cell.getIndex()),
                    chain.copyOf(cell).orElseThrow().values());
              }
              return new Whole(commitOf(chain), vectors);
            });
  }

  private static StoreCommit commitOf(Chain chain) {
    if (chain.commit == null) {
      throw new IllegalStateException("no commit in this chain");
    }
    return chain.commit;
  }

  /** The highest epoch of any commit, 0 where there is none. */
  long highestEpoch() {
    return chains.values().stream()
        .filter(chain -> chain.commit != null)
        .mapToLong(chain -> commitOf(chain).getEpoch())
        .max()
        .orElse(0);
  }

  /** Keys that hold a value, whosoever wrote them. */
  List<Bytes> keys() {
    return new ArrayList<>(keys);
  }

  static Bytes vectorKey(long writer, int slot, VectorId id) {
    return key(writer, (byte) slot, id);
  }

  static Bytes commitKey(long writer) {
    return key(writer, COMMIT, new VectorId(0, 0));
  }

  private static Bytes key(long writer, byte slot, VectorId id) {
    final byte[] key = new byte[KEY_BYTES];
    ByteBuffer.wrap(key).putLong(writer).put(slot).put((byte) id.kind()).putInt(id.index());
    return Bytes.wrap(key);
  }

  static byte[] vectorValue(long generation, MemorySegment values) {
    final byte[] value = new byte[Math.toIntExact(Long.BYTES + values.byteSize())];
    final MemorySegment record = MemorySegment.ofArray(value);
    record.set(ValueLayout.JAVA_LONG_UNALIGNED, 0, generation);
    record.asSlice(Long.BYTES).copyFrom(values);
    return value;
  }
}
