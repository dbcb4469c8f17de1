package io.gradstream.proto.streams;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.proto.kernels.VectorId;
import io.gradstream.proto.message.StoreCommit;
import io.gradstream.proto.message.StoreContents;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.common.utils.Bytes;
import org.jspecify.annotations.Nullable;

/**
 * The records of an {@link InPlaceStore}'s changelog, and which commit of them counts.
 *
 * <p>A commit is the changed vectors, each under its own key, then the {@link StoreContents} in
 * pieces, which list every vector with the generation that last wrote it, and at last one {@link
 * StoreCommit}. Each of these alternates between two keys, and goes to the other one only once the
 * commit before is confirmed. So the last confirmed commit stays whole, whatever becomes of the
 * next one: cut short by a crash, or with records missing because the broker did not take them.
 *
 * <p>Keys begin with the writer's own number. An instance that was taken for dead and goes on
 * writing therefore cannot spoil the records of its successor; of several whole commits the one of
 * the highest epoch, then generation, counts.
 *
 * <p>Of vectors only the place in the changelog is kept, so a changelog of any length takes no
 * memory to speak of; who takes a commit over reads its vectors from there.
 *
 * <p>Not thread-safe: Kafka Streams restores on one thread and hands the store over.
 */
final class Commits {
  /** Below {@code max.request.size} and {@code message.max.bytes} of stock clients and brokers. */
  static final int PIECE_BYTES = 512 * 1024;

  /**
   * A vector as one commit wrote it.
   *
   * @param offset the record's offset in the changelog, or -1
   * @param values the vector itself, where it is in memory
   */
  record Copy(long generation, long offset, @Nullable MemorySegment values) {}

  private record Piece(long generation, ByteString bytes) {}

  /** A whole commit. */
  record Whole(StoreCommit commit, StoreContents contents, Map<VectorId, Copy> vectors) {
    /** Whether its vectors need not be read. */
    boolean isInMemory() {
      return vectors.values().stream().anyMatch(copy -> copy.values() != null);
    }
  }

  /** What one writer wrote; its keys without the writer. */
  private static final class Chain {
    private final long writer;
    private final Map<ChangelogKey, Copy> copies = new HashMap<>();
    private final Map<ChangelogKey, Piece> pieces = new HashMap<>();
    private final @Nullable StoreCommit[] commits = new StoreCommit[2];

    Chain(long writer) {
      this.writer = writer;
    }

    /** The commit of a side, if all that it names is here. */
    Optional<Whole> whole(int side) {
      final StoreCommit commit = commits[side];
      if (commit == null || commit.getPieces() == 0) {
        return Optional.empty();
      }
      ByteString bytes = ByteString.EMPTY;
      for (int i = 0; i < commit.getPieces(); i++) {
        final Piece piece = pieces.get(ChangelogKey.contents(writer, side, i));
        if (piece == null || piece.generation() != commit.getGeneration()) {
          return Optional.empty();
        }
        bytes = bytes.concat(piece.bytes());
      }
      final StoreContents contents = parseContents(bytes);
      final var vectors = new HashMap<VectorId, Copy>();
      for (final StoreContents.Cell cell : contents.getCellsList()) {
        final var id = new VectorId(cell.getKind(), cell.getIndex());
        final Copy copy = copyOf(id, cell.getGeneration());
        if (copy == null) {
          return Optional.empty();
        }
        vectors.put(id, copy);
      }
      return Optional.of(new Whole(commit, contents, vectors));
    }

    private @Nullable Copy copyOf(VectorId id, long generation) {
      for (int side = 0; side < 2; side++) {
        final Copy copy = copies.get(ChangelogKey.vector(writer, side, id));
        if (copy != null && copy.generation() == generation) {
          return copy;
        }
      }
      return null;
    }
  }

  private final Map<Long, Chain> chains = new HashMap<>();
  private final Set<Bytes> keys = new HashSet<>();

  /**
   * Takes in one changelog record.
   *
   * @param value null deletes
   * @param offset where the record lies
   */
  void restore(byte[] key, byte @Nullable [] value, long offset) {
    final ChangelogKey parsed = ChangelogKey.of(key);
    final Chain chain = chains.computeIfAbsent(parsed.writer(), Chain::new);
    if (value == null) {
      keys.remove(Bytes.wrap(key));
    } else {
      keys.add(Bytes.wrap(key));
    }
    switch (parsed.part()) {
      case VECTOR ->
          putOrRemove(
              chain.copies,
              parsed,
              value == null ? null : new Copy(generationOf(value), offset, null));
      case CONTENTS ->
          putOrRemove(
              chain.pieces,
              parsed,
              value == null
                  ? null
                  : new Piece(
                      generationOf(value),
                      ByteString.copyFrom(value, Long.BYTES, value.length - Long.BYTES)));
      case COMMIT -> chain.commits[parsed.side()] = value == null ? null : parseCommit(value);
    }
  }

  private static <V> void putOrRemove(
      Map<ChangelogKey, V> records, ChangelogKey key, @Nullable V value) {
    if (value == null) {
      records.remove(key);
    } else {
      records.put(key, value);
    }
  }

  /** Puts a vector in that is in memory and need not be read. */
  void put(ChangelogKey key, long generation, MemorySegment values) {
    keys.add(key.bytes());
    chains
        .computeIfAbsent(key.writer(), Chain::new)
        .copies
        .put(key, new Copy(generation, -1, values));
  }

  /** Counts keys as holding a value. */
  void remember(List<Bytes> others) {
    keys.addAll(others);
  }

  private static StoreCommit parseCommit(byte[] value) {
    try {
      return StoreCommit.parseFrom(value);
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException("the changelog holds a record that no store wrote", e);
    }
  }

  private static StoreContents parseContents(ByteString bytes) {
    try {
      return StoreContents.parseFrom(bytes);
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException("the changelog holds contents that no store wrote", e);
    }
  }

  /** The commit to go on from, or nothing where none is whole. */
  Optional<Whole> latest() {
    record Candidate(Chain chain, int side, StoreCommit commit) {}
    final var candidates = new ArrayList<Candidate>();
    for (final Chain chain : chains.values()) {
      for (int side = 0; side < 2; side++) {
        final StoreCommit commit = chain.commits[side];
        if (commit != null) {
          candidates.add(new Candidate(chain, side, commit));
        }
      }
    }
    return candidates.stream()
        .sorted(
            Comparator.comparingLong((Candidate candidate) -> candidate.commit().getEpoch())
                .thenComparingLong(candidate -> candidate.commit().getGeneration())
                .reversed())
        .flatMap(candidate -> candidate.chain().whole(candidate.side()).stream())
        .findFirst();
  }

  /** The highest epoch of any commit, 0 where there is none. */
  long highestEpoch() {
    long highest = 0;
    for (final Chain chain : chains.values()) {
      for (final StoreCommit commit : chain.commits) {
        highest = Math.max(highest, commit == null ? 0 : commit.getEpoch());
      }
    }
    return highest;
  }

  /** Keys that hold a value, whosoever wrote them. */
  List<Bytes> keys() {
    return new ArrayList<>(keys);
  }

  /** A commit's contents in pieces that each fit a record; at least one. */
  static List<byte[]> pieces(long generation, StoreContents contents) {
    final byte[] bytes = contents.toByteArray();
    final var pieces = new ArrayList<byte[]>();
    int from = 0;
    do {
      final int length = Math.min(PIECE_BYTES, bytes.length - from);
      pieces.add(value(generation, MemorySegment.ofArray(bytes).asSlice(from, length)));
      from += length;
    } while (from < bytes.length);
    return pieces;
  }

  /** The record of a vector or of a piece: the generation that wrote it, then its bytes. */
  static byte[] value(long generation, MemorySegment bytes) {
    final byte[] value = new byte[Math.toIntExact(Long.BYTES + bytes.byteSize())];
    final MemorySegment record = MemorySegment.ofArray(value);
    record.set(ValueLayout.JAVA_LONG_UNALIGNED, 0, generation);
    record.asSlice(Long.BYTES).copyFrom(bytes);
    return value;
  }

  static long generationOf(byte[] value) {
    return MemorySegment.ofArray(value).get(ValueLayout.JAVA_LONG_UNALIGNED, 0);
  }

  /** What a vector's record holds after its generation. */
  static MemorySegment valuesOf(byte[] value) {
    return MemorySegment.ofArray(value).asSlice(Long.BYTES);
  }
}
