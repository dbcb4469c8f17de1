package io.gradstream.proto.streams;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.gradstream.proto.kernels.VectorId;
import io.gradstream.proto.message.StoreCommit;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
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
    write(7, 0, A, 1, 1.5f);
    write(7, 0, B, 1, 2.5f);
    commit(7, 1, 1, Map.of(A, 1L, B, 1L));

    assertThat(valueOf(A)).isEqualTo(1.5f);
    assertThat(valueOf(B)).isEqualTo(2.5f);
  }

  @Test
  void aCommitCutShortLeavesTheOneBefore() {
    write(7, 0, A, 1, 1.5f);
    write(7, 0, B, 1, 2.5f);
    commit(7, 1, 1, Map.of(A, 1L, B, 1L));
    write(7, 1, A, 2, 9.5f);

    assertThat(valueOf(A)).isEqualTo(1.5f);
    assertThat(commits.latest().orElseThrow().commit().getGeneration()).isEqualTo(1);
  }

  @Test
  void anUnchangedVectorKeepsTheGenerationThatWroteIt() {
    write(7, 0, A, 1, 1.5f);
    write(7, 0, B, 1, 2.5f);
    commit(7, 1, 1, Map.of(A, 1L, B, 1L));
    write(7, 1, A, 2, 9.5f);
    commit(7, 1, 2, Map.of(A, 2L, B, 1L));

    assertThat(valueOf(A)).isEqualTo(9.5f);
    assertThat(valueOf(B)).isEqualTo(2.5f);
  }

  @Test
  void anInstanceTakenForDeadCannotSpoilItsSuccessor() {
    write(7, 0, A, 1, 1.5f);
    commit(7, 1, 1, Map.of(A, 1L));
    write(8, 0, A, 1, 3.5f);
    commit(8, 2, 1, Map.of(A, 1L));
    write(7, 1, A, 2, -1);
    commit(7, 1, 2, Map.of(A, 2L));

    assertThat(valueOf(A)).isEqualTo(3.5f);
    assertThat(commits.highestEpoch()).isEqualTo(2);
  }

  @Test
  void aSuccessorThatDidNotFinishItsFirstCommitLeavesItsPredecessors() {
    write(7, 0, A, 1, 1.5f);
    commit(7, 1, 1, Map.of(A, 1L));
    write(8, 0, A, 1, 3.5f);

    assertThat(valueOf(A)).isEqualTo(1.5f);
  }

  @Test
  void deletedKeysAreForgotten() {
    write(7, 0, A, 1, 1.5f);
    commit(7, 1, 1, Map.of(A, 1L));
    commits.keys().forEach(key -> commits.restore(key.get(), null));

    assertThat(commits.latest()).isEmpty();
    assertThat(commits.keys()).isEmpty();
  }

  private void write(long writer, int slot, VectorId id, long generation, float value) {
    final MemorySegment values = MemorySegment.ofArray(new float[] {value});
    commits.restore(
        Commits.vectorKey(writer, slot, id).get(), Commits.vectorValue(generation, values));
  }

  private void commit(long writer, long epoch, long generation, Map<VectorId, Long> cells) {
    final var record =
        StoreCommit.newBuilder()
            .setEpoch(epoch)
            .setGeneration(generation)
            .setMetadata(ByteString.copyFromUtf8("note"));
    cells.forEach(
        (id, written) ->
            record
                .addCellsBuilder()
                .setKind(id.kind())
                .setIndex(id.index())
                .setGeneration(written));
    commits.restore(Commits.commitKey(writer).get(), record.build().toByteArray());
  }

  private float valueOf(VectorId id) {
    final var vectors = commits.latest().orElseThrow().vectors();
    return Objects.requireNonNull(vectors.get(id)).get(ValueLayout.JAVA_FLOAT_UNALIGNED, 0);
  }
}
