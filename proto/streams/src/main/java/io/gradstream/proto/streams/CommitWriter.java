package io.gradstream.proto.streams;

import com.google.protobuf.ByteString;
import io.gradstream.proto.message.StoreCommit;
import io.gradstream.proto.message.StoreContents;
import java.security.SecureRandom;
import java.util.List;
import org.apache.kafka.common.utils.Bytes;
import org.jspecify.annotations.Nullable;

/**
 * Writes an {@link InPlaceStore}'s commits into its changelog, from one recovery to the next.
 *
 * <p>What is {@link #flush flushed} counts once it is {@link #confirm confirmed}, and is written
 * again until then. {@link Commits} says which records these are, and why a commit is whole or
 * none. One owner, one thread.
 */
final class CommitWriter {
  private static final SecureRandom WRITERS = new SecureRandom();

  /** Takes a record of the changelog; a null value deletes its key. */
  @FunctionalInterface
  interface Changelog {
    void log(Bytes key, byte @Nullable [] value);
  }

  private final StoreVectors vectors;
  private final Changelog changelog;
  private final long writer = WRITERS.nextLong();
  private final long epoch;
  private long generation;

  /** Of the two keys of a commit that of the confirmed one. */
  private int side = 1;

  /** Whether the last flush went through, and waits for its confirmation. */
  private boolean flushed;

  private ByteString flushedMetadata = ByteString.EMPTY;

  /** That of the last confirmed commit, which may be an earlier writer's. */
  private @Nullable ByteString confirmedMetadata;

  /** Whether a commit of this writer is confirmed. */
  private boolean confirmedAny;

  /** Keys of earlier writers, to be deleted once a commit of this one is confirmed. */
  private List<Bytes> obsolete;

  private boolean deleting;

  /**
   * @param before the commits that the changelog holds
   * @param confirmed metadata of the commit that the vectors are of; null where there is none
   */
  CommitWriter(
      Commits before, @Nullable ByteString confirmed, StoreVectors vectors, Changelog changelog) {
    this.vectors = vectors;
    this.changelog = changelog;
    this.epoch = before.highestEpoch() + 1;
    this.obsolete = before.keys();
    this.confirmedMetadata = confirmed;
  }

  /** Writes a commit, unless the last confirmed one says the same. */
  void flush(ByteString metadata) {
    if (metadata.equals(confirmedMetadata)
        && vectors.cells().values().stream().noneMatch(cell -> cell.changed || cell.unconfirmed)) {
      return;
    }
    flushed = false;
    write(metadata);
    flushedMetadata = metadata;
    flushed = true;
  }

  private void write(ByteString metadata) {
    generation++;
    vectors
        .cells()
        .forEach(
            (id, cell) -> {
              if (cell.changed || cell.unconfirmed || cell.generation == 0) {
                log(
                    ChangelogKey.vector(writer, 1 - cell.side, id),
                    Commits.value(generation, cell.values));
                cell.generation = generation;
                cell.changed = false;
                cell.unconfirmed = true;
              }
            });
    final List<byte[]> pieces = Commits.pieces(generation, contents(metadata));
    for (int i = 0; i < pieces.size(); i++) {
      log(ChangelogKey.contents(writer, 1 - side, i), pieces.get(i));
    }
    log(ChangelogKey.commit(writer, 1 - side), commitRecord(pieces.size()));
    if (confirmedAny) {
      obsolete.forEach(key -> changelog.log(key, null));
      deleting = true;
    }
  }

  private StoreContents contents(ByteString metadata) {
    final var contents = StoreContents.newBuilder().setMetadata(metadata);
    vectors
        .cells()
        .forEach(
            (id, cell) ->
                contents
                    .addCellsBuilder()
                    .setKind(id.kind())
                    .setIndex(id.index())
                    .setGeneration(cell.generation));
    return contents.build();
  }

  private byte[] commitRecord(int pieces) {
    return StoreCommit.newBuilder()
        .setEpoch(epoch)
        .setGeneration(generation)
        .setPieces(pieces)
        .build()
        .toByteArray();
  }

  private void log(ChangelogKey key, byte[] value) {
    changelog.log(key.bytes(), value);
  }

  /** Says that the records of the last flush have arrived. */
  void confirm() {
    if (!flushed) {
      return;
    }
    flushed = false;
    for (final StoreVectors.Cell cell : vectors.cells().values()) {
      if (cell.unconfirmed) {
        cell.unconfirmed = false;
        cell.side = 1 - cell.side;
      }
    }
    side = 1 - side;
    confirmedMetadata = flushedMetadata;
    confirmedAny = true;
    if (deleting) {
      obsolete = List.of();
      deleting = false;
    }
  }

  /** The confirmed commit as the changelog has it, with the vectors themselves. */
  Commits confirmed() {
    final var own = new Commits();
    own.remember(obsolete);
    vectors
        .cells()
        .forEach(
            (id, cell) ->
                own.put(ChangelogKey.vector(writer, cell.side, id), cell.generation, cell.values));
    final ByteString metadata = confirmedMetadata == null ? ByteString.EMPTY : confirmedMetadata;
    final List<byte[]> pieces = Commits.pieces(generation, contents(metadata));
    for (int i = 0; i < pieces.size(); i++) {
      own.restore(ChangelogKey.contents(writer, side, i).bytes().get(), pieces.get(i), -1);
    }
    own.restore(ChangelogKey.commit(writer, side).bytes().get(), commitRecord(pieces.size()), -1);
    return own;
  }
}
