package io.gradstream.proto.streams;

import com.google.protobuf.ByteString;
import io.gradstream.proto.kernels.NamedVectors;
import io.gradstream.proto.kernels.VectorId;
import io.gradstream.proto.message.StoreCommit;
import io.gradstream.proto.run.StoreImage;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.security.SecureRandom;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.processor.StateRestoreCallback;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.processor.StateStoreContext;
import org.apache.kafka.streams.processor.internals.InternalProcessorContext;
import org.apache.kafka.streams.query.Position;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.internals.CacheFlushListener;
import org.apache.kafka.streams.state.internals.CachedStateStore;
import org.jspecify.annotations.Nullable;

/**
 * Off-heap float32 vectors that are changed in place and reach their changelog at commits only.
 *
 * <p>An accumulator of a megabyte changes with every record. A key-value store would write a
 * megabyte to the changelog each time; this one writes what changed since the last commit, once,
 * when Kafka Streams is about to commit offsets. Between commits nothing is lost by a crash, since
 * the input is read again from the committed offsets and gives the same bits.
 *
 * <p><b>When it writes.</b> In Kafka 4.4.0 a task commits in the order {@link #flushCache()},
 * producer flush, offset commit, {@link StateStore#commit}. Only what is written in {@code
 * flushCache} is sure to be there when the offsets are, hence the implementation of the internal
 * type {@link CachedStateStore}; the kill tests guard it at every change of version.
 *
 * <p><b>A commit is atomic</b>, whether Kafka's transactions are on or not: see {@link Commits}.
 * The owner's bookkeeping (which slots are in which sum, how far the input was read) goes along as
 * the commit's metadata, so vectors and bookkeeping never disagree.
 *
 * <p><b>Owner.</b> The processor that uses the store calls {@link #recover()} in its {@code init},
 * then takes {@link #vector vectors}, changes them and says so with {@link #changed}, all of it
 * within {@link #change}: Kafka Streams flushes the caches of a task that fails as well, and what
 * was half done then must not become a commit. Everything runs on the task's stream thread; only
 * restoring runs on another, before that.
 */
public final class InPlaceStore
    implements NamedVectors, StateStore, CachedStateStore<Object, Object> {
  private static final SecureRandom WRITERS = new SecureRandom();

  private static final class Cell {
    final MemorySegment values;
    boolean changed = true;
    long generation;
    int slot;

    Cell(MemorySegment values) {
      this.values = values;
    }
  }

  private final String name;
  private final Map<VectorId, Cell> cells = new HashMap<>();
  private Commits commits = new Commits();
  private List<Bytes> obsolete = List.of();
  private @Nullable InternalProcessorContext<?, ?> context;
  private @Nullable Supplier<byte[]> metadata;
  private long writer;
  private long epoch;
  private long generation;
  private long bytesWritten;
  private boolean touched;
  private volatile boolean open;

  private InPlaceStore(String name) {
    this.name = name;
  }

  /**
   * For {@code Topology.addStateStore}; the changelog is compacted by key, as Streams creates it.
   */
  public static StoreBuilder<InPlaceStore> builder(String name) {
    return new Builder(name);
  }

  @Override
  public void init(StateStoreContext stateContext, StateStore root) {
    // Kafka Streams initialises a store again after a fault; the changelog is then read from its
    // beginning.
    forget();
    context = (InternalProcessorContext<?, ?>) stateContext;
    final StateRestoreCallback restore = (key, value) -> commits.restore(key, value);
    stateContext.register(root, restore);
    open = true;
  }

  private void forget() {
    commits = new Commits();
    cells.clear();
    metadata = null;
  }

  private Commits ownCommit() {
    final var own = new Commits();
    cells.forEach(
        (id, cell) ->
            own.restore(
                Commits.vectorKey(writer, cell.slot, id).get(),
                Commits.vectorValue(cell.generation, cell.values)));
    own.restore(Commits.commitKey(writer).get(), commitRecord().toByteArray());
    return own;
  }

  /**
   * Takes over what the last whole commit holds.
   *
   * @param noteAtCommit asked at every commit for the bookkeeping that belongs to the vectors
   * @return the metadata of the last commit, or nothing at a first start
   */
  public Optional<byte[]> recover(Supplier<byte[]> metadataAtCommit) {
    final Optional<Commits.Whole> latest = commits.latest();
    cells.clear();
    latest.ifPresent(
        whole -> whole.vectors().forEach((id, values) -> cells.put(id, new Cell(values))));
    obsolete = commits.keys();
    epoch = commits.highestEpoch() + 1;
    writer = WRITERS.nextLong();
    generation = 0;
    commits = new Commits();
    metadata = metadataAtCommit;
    touched = true;
    return latest.map(whole -> whole.commit().getMetadata().toByteArray());
  }

  /**
   * Takes over an image, after {@link #recover} found no commit. It is written down with the next
   * commit; until then the image is asked for again.
   */
  public void begin(StoreImage image) {
    image.vectors().forEach((id, values) -> cells.put(id, new Cell(values)));
  }

  /**
   * Does something with vectors and bookkeeping. If it fails nothing more is written down: the
   * store stays at its last commit, which the task goes on from.
   */
  public void change(Runnable work) {
    touched = true;
    try {
      work.run();
    } catch (RuntimeException | Error failed) {
      metadata = null;
      throw failed;
    }
  }

  @Override
  public MemorySegment vector(VectorId id, long length) {
    final Cell cell =
        cells.computeIfAbsent(
            id,
            absent ->
                new Cell(Arena.ofAuto().allocate(length * Float.BYTES, NamedVectors.ALIGNMENT)));
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
    touched = true;
  }

  /** Bytes written to the changelog since this instance took the store over. */
  public long bytesWritten() {
    return bytesWritten;
  }

  /**
   * Writes a commit, unless nothing was touched since the last one: then that one's records did not
   * arrive, and a second would name vectors that are not there.
   */
  @Override
  public void flushCache() {
    if (metadata != null && touched) {
      change(this::write);
      touched = false;
    }
  }

  private void write() {
    generation++;
    cells.forEach(
        (id, cell) -> {
          if (cell.changed) {
            cell.slot = 1 - cell.slot;
            cell.generation = generation;
            log(
                Commits.vectorKey(writer, cell.slot, id),
                Commits.vectorValue(generation, cell.values));
            cell.changed = false;
          }
        });
    log(Commits.commitKey(writer), commitRecord().toByteArray());
    obsolete.forEach(key -> log(key, null));
    obsolete = List.of();
  }

  private StoreCommit commitRecord() {
    final var record = StoreCommit.newBuilder().setEpoch(epoch).setGeneration(generation);
    cells.forEach(
        (id, cell) ->
            record
                .addCellsBuilder()
                .setKind(id.kind())
                .setIndex(id.index())
                .setGeneration(cell.generation));
    if (metadata != null) {
      record.setMetadata(ByteString.copyFrom(metadata.get()));
    }
    return record.build();
  }

  private void log(Bytes key, byte @Nullable [] value) {
    if (context == null) {
      throw new IllegalStateException(name + " is not initialised");
    }
    final long time = context.currentSystemTimeMs();
    context.logChange(name, key, value, time, new RecordHeaders(), Position.emptyPosition());
    bytesWritten += value == null ? 0 : value.length;
  }

  @Override
  public boolean setFlushListener(
      CacheFlushListener<Object, Object> listener, boolean sendOldValues) {
    return false;
  }

  /**
   * Called when an active task becomes a standby or the other way round, after it has committed.
   * The changelog is then read on from where it was, so the picture of it starts from the commit
   * just made.
   */
  @Override
  public void clearCache() {
    if (metadata != null) {
      final Commits own = ownCommit();
      forget();
      commits = own;
    }
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public void close() {
    open = false;
    forget();
  }

  @Override
  public boolean persistent() {
    return false;
  }

  @Override
  public boolean isOpen() {
    return open;
  }

  @Override
  public Position getPosition() {
    return Position.emptyPosition();
  }

  private record Builder(String name) implements StoreBuilder<InPlaceStore> {
    @Override
    public InPlaceStore build() {
      return new InPlaceStore(name);
    }

    @Override
    public Map<String, String> logConfig() {
      return Map.of();
    }

    @Override
    public boolean loggingEnabled() {
      return true;
    }

    @Override
    public StoreBuilder<InPlaceStore> withCachingEnabled() {
      throw new UnsupportedOperationException("vectors in place need no cache");
    }

    @Override
    public StoreBuilder<InPlaceStore> withCachingDisabled() {
      return this;
    }

    @Override
    public StoreBuilder<InPlaceStore> withLoggingEnabled(Map<String, String> config) {
      throw new UnsupportedOperationException("the changelog keeps its standard settings");
    }

    @Override
    public StoreBuilder<InPlaceStore> withLoggingDisabled() {
      throw new UnsupportedOperationException("a store without changelog would lose gradients");
    }
  }
}
