package io.gradstream.proto.run;

import com.google.protobuf.ByteString;
import io.gradstream.proto.kernels.NamedVectors;
import io.gradstream.proto.kernels.VectorId;
import io.gradstream.proto.message.StateRecord;
import io.gradstream.proto.message.StateRecord.Owner;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The store of a service on one partition at one moment, as records that another run can begin
 * from.
 *
 * @param vectors float32, by their names
 * @param metadata the metadata that a commit of the store would have
 */
public record StoreImage(Map<VectorId, MemorySegment> vectors, ByteString metadata) {
  /** A record of topic {@code state}. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  public record Entry(byte[] key, byte[] value) {}

  public StoreImage {
    vectors = Map.copyOf(vectors);
  }

  /** Of a piece of the metadata: well below the largest record of a stock broker. */
  static final int PIECE_BYTES = 512 * 1024;

  /** The image's records: the vectors in order of their names, then the metadata in pieces. */
  public List<Entry> entries(Owner owner) {
    final var entries = new ArrayList<Entry>();
    vectors.keySet().stream()
        .sorted(Comparator.comparingInt(VectorId::kind).thenComparingInt(VectorId::index))
        .forEach(id -> entries.add(entry(owner, id)));
    final int pieces = Math.max(1, Math.ceilDiv(metadata.size(), PIECE_BYTES));
    for (int i = 0; i < pieces; i++) {
      final int from = i * PIECE_BYTES;
      final StateRecord piece =
          StateRecord.newBuilder()
              .setOwner(owner)
              .setIndex(i)
              .setMetadata(metadata.substring(from, Math.min(from + PIECE_BYTES, metadata.size())))
              .setPieces(pieces)
              .build();
      entries.add(new Entry(key(piece), ValuesRecord.allocate(piece, 0)));
    }
    return entries;
  }

  private Entry entry(Owner owner, VectorId id) {
    final StateRecord header =
        StateRecord.newBuilder().setOwner(owner).setKind(id.kind()).setIndex(id.index()).build();
    final MemorySegment values = vectors.getOrDefault(id, MemorySegment.NULL);
    final int bytes = Math.toIntExact(values.byteSize());
    final byte[] record = ValuesRecord.allocate(header, bytes);
    ValuesRecord.valuesOf(record, bytes).copyFrom(values);
    return new Entry(key(header), record);
  }

  /** Owner, whether it is the metadata, kind and index. */
  private static byte[] key(StateRecord header) {
    return ByteBuffer.allocate(3 + Integer.BYTES)
        .put((byte) header.getOwner().getNumber())
        .put((byte) (header.hasMetadata() ? 1 : 0))
        .put((byte) header.getKind())
        .putInt(header.getIndex())
        .array();
  }

  /**
   * Puts an image together from the records of a partition, of which some may be another's. The
   * image ends with its metadata; what somebody wrote behind it is no part of it.
   */
  public static final class Reader {
    private final Owner owner;
    private final Map<VectorId, MemorySegment> vectors = new HashMap<>();
    private final Map<Integer, ByteString> metadata = new TreeMap<>();
    private int pieces = -1;

    public Reader(Owner owner) {
      this.owner = owner;
    }

    /**
     * Takes in a record.
     *
     * @throws MalformedRecordException when it is none of topic {@code state}
     */
    public void add(byte @Nullable [] record) throws MalformedRecordException {
      if (isComplete()) {
        return;
      }
      final ValuesRecord<StateRecord> read = ValuesRecord.read(record, StateRecord.parser());
      final StateRecord header = read.header();
      if (header.getOwner() != owner) {
        return;
      }
      if (header.hasMetadata()) {
        metadata.put(header.getIndex(), header.getMetadata());
        pieces = header.getPieces();
        return;
      }
      final MemorySegment values =
          Arena.ofAuto().allocate(read.values().byteSize(), NamedVectors.ALIGNMENT);
      values.copyFrom(read.values());
      vectors.put(new VectorId(header.getKind(), header.getIndex()), values);
    }

    private boolean isComplete() {
      return metadata.size() == pieces;
    }

    /** The image; empty when some of its metadata was not among the records. */
    public Optional<StoreImage> image() {
      return isComplete()
          ? Optional.of(new StoreImage(vectors, ByteString.copyFrom(metadata.values())))
          : Optional.empty();
    }
  }
}
