package io.gradstream.proto.streams;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.gradstream.proto.kernels.VectorId;
import io.gradstream.proto.message.StoreCommit;
import io.gradstream.proto.message.StoreContents;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;

final class CommitsTest {
  private static final VectorId A = new VectorId(0, 0);
  private static final VectorId B = new VectorId(0, 1);

  private final Commits commits = new Commits();

  @Test
  void noCommitInAnEmptyChangelog() {
    assertThat(commits.latest()).isEmpty();
    assertThat(commits.highestEpoch()).isZero();
  }

  @Test
  void aCommitHoldsTheVectorsThatItLists() {
    write(7, 0, A, 1, 15);
    write(7, 0, B, 1, 25);
    commit(7, 1, 0, 1, Map.of(A, 1L, B, 1L));

    assertThat(placeOf(A)).isEqualTo(15);
    assertThat(placeOf(B)).isEqualTo(25);
  }

  @Test
  void aCommitCutShortLeavesTheOneBefore() {
    write(7, 0, A, 1, 15);
    write(7, 0, B, 1, 25);
    commit(7, 1, 0, 1, Map.of(A, 1L, B, 1L));
    write(7, 1, A, 2, 95);

    assertThat(placeOf(A)).isEqualTo(15);
    assertThat(commits.latest().orElseThrow().commit().getGeneration()).isEqualTo(1);
  }

  @Test
  void anUnchangedVectorKeepsTheGenerationThatWroteIt() {
    write(7, 0, A, 1, 15);
    write(7, 0, B, 1, 25);
    commit(7, 1, 0, 1, Map.of(A, 1L, B, 1L));
    write(7, 1, A, 2, 95);
    commit(7, 1, 1, 2, Map.of(A, 2L, B, 1L));

    assertThat(placeOf(A)).isEqualTo(95);
    assertThat(placeOf(B)).isEqualTo(25);
  }

  @Test
  void anInstanceTakenForDeadCannotSpoilItsSuccessor() {
    write(7, 0, A, 1, 15);
    commit(7, 1, 0, 1, Map.of(A, 1L));
    write(8, 0, A, 1, 35);
    commit(8, 2, 0, 1, Map.of(A, 1L));
    write(7, 1, A, 2, 99);
    commit(7, 1, 1, 2, Map.of(A, 2L));

    assertThat(placeOf(A)).isEqualTo(35);
    assertThat(commits.highestEpoch()).isEqualTo(2);
  }

  @Test
  void aSuccessorThatDidNotFinishItsFirstCommitLeavesItsPredecessors() {
    write(7, 0, A, 1, 15);
    commit(7, 1, 0, 1, Map.of(A, 1L));
    write(8, 0, A, 1, 35);

    assertThat(placeOf(A)).isEqualTo(15);
  }

  /** The broker took the commit's last record and not the vectors before it. */
  @Test
  void aCommitWithAHoleLeavesTheOneBefore() {
    write(7, 0, A, 1, 15);
    write(7, 0, B, 1, 25);
    commit(7, 1, 0, 1, Map.of(A, 1L, B, 1L));
    write(7, 1, A, 2, 95);
    commit(7, 1, 1, 2, Map.of(A, 2L, B, 2L));

    assertThat(commits.latest().orElseThrow().commit().getGeneration()).isEqualTo(1);
    assertThat(placeOf(A)).isEqualTo(15);
  }

  @Test
  void aCommitWithoutOneOfItsPiecesLeavesTheOneBefore() {
    write(7, 0, A, 1, 15);
    commit(7, 1, 0, 1, Map.of(A, 1L));
    writeContents(7, 1, 2, Map.of(A, 1L));
    writeCommit(7, 1, 1, 2, 2);

    assertThat(commits.latest().orElseThrow().contents().getMetadata().toStringUtf8())
        .isEqualTo("of 1");
  }

  @Test
  void contentsOfAnySizeAreCutIntoPiecesThatFitARecord() {
    final int cells = 245_000;
    final var contents = StoreContents.newBuilder();
    for (int i = 0; i < cells; i++) {
      write(7, 0, new VectorId(3, i), 1, i);
      contents.addCellsBuilder().setKind(3).setIndex(i).setGeneration(1);
    }
    contents.setMetadata(ByteString.copyFrom(new byte[70 * cells]));

    final var pieces = Commits.pieces(1, contents.build());
    for (int i = 0; i < pieces.size(); i++) {
      assertThat(pieces.get(i).length).isLessThan(1_000_000);
      commits.restore(ChangelogKey.contents(7, 0, i).bytes().get(), pieces.get(i), 0);
    }
    writeCommit(7, 1, 0, 1, pieces.size());

    assertThat(pieces).hasSizeGreaterThan(30);
    final var whole = commits.latest().orElseThrow();
    assertThat(whole.contents()).isEqualTo(contents.build());
    assertThat(whole.vectors()).hasSize(cells);
  }

  @Test
  void deletedKeysAreForgotten() {
    write(7, 0, A, 1, 15);
    commit(7, 1, 0, 1, Map.of(A, 1L));
    commits.keys().forEach(key -> commits.restore(key.get(), null, 0));

    assertThat(commits.latest()).isEmpty();
    assertThat(commits.keys()).isEmpty();
  }

  /** Writes a vector whose place in the log says which it is. */
  private void write(long writer, int side, VectorId id, long generation, int place) {
    final byte[] value = Commits.value(generation, MemorySegment.ofArray(new float[] {place}));
    commits.restore(ChangelogKey.vector(writer, side, id).bytes().get(), value, place);
  }

  private void commit(
      long writer, long epoch, int side, long generation, Map<VectorId, Long> cells) {
    writeContents(writer, side, generation, cells);
    writeCommit(writer, epoch, side, generation, 1);
  }

  private void writeContents(long writer, int side, long generation, Map<VectorId, Long> cells) {
    final var contents =
        StoreContents.newBuilder().setMetadata(ByteString.copyFromUtf8("of " + generation));
    cells.forEach(
        (id, written) ->
            contents
                .addCellsBuilder()
                .setKind(id.kind())
                .setIndex(id.index())
                .setGeneration(written));
    final var pieces = Commits.pieces(generation, contents.build());
    for (int i = 0; i < pieces.size(); i++) {
      commits.restore(ChangelogKey.contents(writer, side, i).bytes().get(), pieces.get(i), 0);
    }
  }

  private void writeCommit(long writer, long epoch, int side, long generation, int pieces) {
    commits.restore(
        ChangelogKey.commit(writer, side).bytes().get(),
        StoreCommit.newBuilder()
            .setEpoch(epoch)
            .setGeneration(generation)
            .setPieces(pieces)
            .build()
            .toByteArray(),
        0);
  }

  private long placeOf(VectorId id) {
    final var vectors = commits.latest().orElseThrow().vectors();
    return Objects.requireNonNull(vectors.get(id)).offset();
  }
}
