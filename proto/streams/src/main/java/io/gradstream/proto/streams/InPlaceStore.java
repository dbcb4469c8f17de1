package io.gradstream.proto.streams;

import com.google.protobuf.ByteString;
import io.gradstream.proto.kernels.NamedVectors;
import io.gradstream.proto.kernels.VectorId;
import io.gradstream.proto.message.StoreCommit;
import io.gradstream.proto.message.StoreContents;
import io.gradstream.proto.run.StoreImage;
import io.gradstream.proto.log.LogReader;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.security.SecureRandom;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.TaskCorruptedException;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.processor.StateStoreContext;
import org.apache.kafka.streams.processor.TaskId;
import org.apache.kafka.streams.processor.internals.InternalProcessorContext;
import org.apache.kafka.streams.processor.internals.RecordBatchingStateRestoreCallback;
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
 * <p><b>What it trusts.</b> The tasks of a stream thread share a producer, which reports one failed
 * record only: that of any task, in whatever the thread sends or flushes next. So a flush that
 * seemed to succeed may have lost this store's records. They count as written when {@link
 * StateStore#commit} is called, since nothing was pending then; until that, each flush writes them
 * again. A commit is atomic, whether Kafka's transactions are on or not: see {@link Commits}. The
 * owner's bookkeeping (which slots are in which sum, how far the input was read) goes along as the
 * commit's metadata, so vectors and bookkeeping never disagree.
 *
 * <p><b>Owner.</b> The processor that uses the store calls {@link #recover} in its {@code init},
 * then takes {@link #vector vectors}, changes them and says so with {@link #changed}, all of it
 * within {@link #change}. If that fails, vectors and bookkeeping are half changed: from then on the
 * store refuses everything with a {@link TaskCorruptedException}, on which Kafka Streams brings the
 * task back to its last commit. Everything runs on the task's stream thread; only restoring runs on
 * another, before that.
 */
public final class InPlaceStore
    implements NamedVectors, StateStore, CachedStateStore<Object, Object> {
  private static final SecureRandom WRITERS = new SecureRandom();

  /**
   * Small segments and early cleaning, so that a restart reads little more than what counts; but
   * not so small that a large model's changelog keeps thousands of files open.
   */
  private static final Map<String, String> CHANGELOG =
      Map.of(
          "segment.bytes", Integer.toString(128 * 1024 * 1024),
          "min.cleanable.dirty.ratio", "0.2",
          "delete.retention.ms", "3600000");

  /** A vector, and what of it is in the changelog. */
  private static final class Cell {
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

  private final String name;
  private final Map<VectorId, Cell> cells = new HashMap<>();

  /** Holds the vectors, and is closed with the store: nobody waits for a garbage collection. */
  private @Nullable Arena arena;

  private Commits commits = new Commits();
  private @Nullable InternalProcessorContext<?, ?> context;

  /** There between {@link #recover} and the end of the task. */
  private @Nullable Supplier<byte[]> metadata;

  private boolean failed;
  private boolean transactions;
  private long commitNanos;
  private long flushedNanos;

  private long writer;
  private long epoch;
  private long generation;

  /** Of the two keys of a commit that of the confirmed one. */
  private int side = 1;

  /** Whether the last flush went through, and waits for its confirmation. */
  private boolean flushed;

  private @Nullable ByteString flushedMetadata;
  private @Nullable ByteString confirmedMetadata;
  private boolean confirmedAny;
  private boolean deleting;

  /** Keys of earlier writers, to be deleted once a commit of this one is confirmed. */
  private List<Bytes> obsolete = List.of();

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
    release();
    context = (InternalProcessorContext<?, ?>) stateContext;
    final Map<String, Object> config = stateContext.appConfigs();
    transactions =
        StreamsConfig.EXACTLY_ONCE_V2.equals(config.get(StreamsConfig.PROCESSING_GUARANTEE_CONFIG));
    commitNanos =
        TimeUnit.MILLISECONDS.toNanos(
            Long.parseLong(
                String.valueOf(
                    config.getOrDefault(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 30_000))));
    final RecordBatchingStateRestoreCallback restore =
        records ->
            records.forEach(
                record -> commits.restore(record.key(), record.value(), record.offset()));
    stateContext.register(root, restore);
    open = true;
  }

  private void forget() {
    commits = new Commits();
    cells.clear();
    metadata = null;
    failed = false;
  }

  private void release() {
    if (arena != null) {
      arena.close();
      arena = null;
    }
  }

  @SuppressWarnings("MustBeClosedChecker") // release closes it
  private MemorySegment allocate(long bytes) {
    if (arena == null) {
      arena = Arena.ofShared();
    }
    return arena.allocate(bytes, NamedVectors.ALIGNMENT);
  }

  private InternalProcessorContext<?, ?> context() {
    return Objects.requireNonNull(context, () -> name + " is not initialised");
  }

  /**
   * Takes over what the last whole commit holds, and reads its vectors from the changelog.
   *
   * @param log reads the changelog
   * @param metadataAtCommit asked at every commit for the bookkeeping that belongs to the vectors
   * @return the metadata of the last commit, or nothing at a first start
   * @throws RetriableException when another instance has overwritten the commit meanwhile; the
   *     changelog must be restored once more
   */
  public Optional<byte[]> recover(LogReader log, Supplier<byte[]> metadataAtCommit) {
    final Optional<Commits.Whole> latest = commits.latest();
    cells.clear();
    if (latest.stream().noneMatch(Commits.Whole::isInMemory)) {
      release();
    }
    latest.ifPresent(whole -> read(whole, log));
    obsolete = commits.keys();
    epoch = commits.highestEpoch() + 1;
    writer = WRITERS.nextLong();
    generation = 0;
    side = 1;
    flushed = false;
    confirmedAny = false;
    deleting = false;
    confirmedMetadata = latest.map(whole -> whole.contents().getMetadata()).orElse(null);
    commits = new Commits();
    metadata = metadataAtCommit;
    failed = false;
    flushedNanos = System.nanoTime();
    return latest.map(whole -> whole.contents().getMetadata().toByteArray());
  }

  private void read(Commits.Whole whole, LogReader log) {
    final var offsets = new TreeMap<Long, VectorId>();
    whole
        .vectors()
        .forEach(
            (id, copy) -> {
              if (copy.values() != null) {
                cells.put(id, new Cell(copy.values()));
              } else {
                offsets.put(copy.offset(), id);
              }
            });
    final var changelog =
        new TopicPartition(context().changelogFor(name), context().taskId().partition());
    log.readAt(
        changelog,
        offsets.keySet(),
        record -> {
          final MemorySegment values = Commits.valuesOf(record.bytes());
          final MemorySegment vector = allocate(values.byteSize());
          vector.copyFrom(values);
          cells.put(Objects.requireNonNull(offsets.get(record.offset())), new Cell(vector));
        });
    if (cells.size() < whole.vectors().size()) {
      throw new OverwrittenException(changelog + " changed while it was restored");
    }
  }

  /** Another instance went on writing. */
  private static final class OverwrittenException extends RetriableException {
    private static final long serialVersionUID = 1;

    OverwrittenException(String message) {
      super(message);
    }
  }

  /**
   * Takes over an image, after {@link #recover} found no commit. It is written down with the next
   * commit; until then the image is asked for again.
   */
  public void begin(StoreImage image) {
    image.vectors().forEach((id, values) -> cells.put(id, new Cell(values)));
  }

  /**
   * Does something with vectors and bookkeeping. If it fails, nothing more is written down or
   * changed: the store stays at its last commit, which the task goes on from.
   *
   * @throws TaskCorruptedException when another task's failed record surfaced in the work, and
   *     whenever an earlier change has failed
   */
  public void change(Runnable work) {
    requireSound();
    try {
      work.run();
    } catch (TaskCorruptedException another) {
      failed = true;
      final var corrupted = new HashSet<>(another.corruptedTasks());
      corrupted.add(context().taskId());
      throw corrupted(corrupted, another);
    } catch (RuntimeException | Error failure) {
      failed = true;
      throw failure;
    }
    // Kafka Streams commits by the wall clock, which may be set back.
    if (System.nanoTime() - flushedNanos > 2 * commitNanos) {
      context().commit();
    }
  }

  private void requireSound() {
    if (failed) {
      throw corrupted(Set.of(context().taskId()), null);
    }
  }

  private static TaskCorruptedException corrupted(Set<TaskId> tasks, @Nullable Throwable cause) {
    final var corrupted = new TaskCorruptedException(tasks);
    if (cause != null) {
      corrupted.initCause(cause);
    }
    return corrupted;
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

  /**
   * Writes a commit, unless the last confirmed one says the same.
   *
   * @throws TaskCorruptedException when a change has failed, or another task's failed record
   *     surfaces; the store itself may go on after the latter, and writes all of it again
   */
  @Override
  public void flushCache() {
    requireSound();
    if (metadata == null) {
      return;
    }
    if (transactions) {
      // StateStore.commit is not called then, and need not be: a transaction that lost a record
      // cannot commit its offsets.
      confirm();
    }
    flushedNanos = System.nanoTime();
    final ByteString bytes = ByteString.copyFrom(metadata.get());
    if (bytes.equals(confirmedMetadata)
        && cells.values().stream().noneMatch(cell -> cell.changed || cell.unconfirmed)) {
      return;
    }
    flushed = false;
    write(bytes);
    flushedMetadata = bytes;
    flushed = true;
  }

  private void write(ByteString bookkeeping) {
    generation++;
    final var contents = StoreContents.newBuilder().setMetadata(bookkeeping);
    cells.forEach(
        (id, cell) -> {
          if (cell.changed || cell.unconfirmed || cell.generation == 0) {
            log(
                ChangelogKey.vector(writer, 1 - cell.side, id),
                Commits.value(generation, cell.values));
            cell.generation = generation;
            cell.changed = false;
            cell.unconfirmed = true;
          }
          contents
              .addCellsBuilder()
              .setKind(id.kind())
              .setIndex(id.index())
              .setGeneration(cell.generation);
        });
    final List<byte[]> pieces = Commits.pieces(generation, contents.build());
    for (int i = 0; i < pieces.size(); i++) {
      log(ChangelogKey.contents(writer, 1 - side, i), pieces.get(i));
    }
    log(ChangelogKey.commit(writer, 1 - side), commitRecord(pieces.size()).toByteArray());
    if (confirmedAny) {
      obsolete.forEach(key -> log(key, null));
      deleting = true;
    }
  }

  private StoreCommit commitRecord(int pieces) {
    return StoreCommit.newBuilder()
        .setEpoch(epoch)
        .setGeneration(generation)
        .setPieces(pieces)
        .build();
  }

  private void log(ChangelogKey key, byte @Nullable [] value) {
    log(key.bytes(), value);
  }

  private void log(Bytes key, byte @Nullable [] value) {
    final long time = context().currentSystemTimeMs();
    context().logChange(name, key, value, time, new RecordHeaders(), Position.emptyPosition());
  }

  /** Called when the records of the last flush have arrived and the offsets are committed. */
  @Override
  public void commit(Map<TopicPartition, Long> changelogOffsets) {
    confirm();
  }

  private void confirm() {
    if (!flushed) {
      return;
    }
    flushed = false;
    for (final Cell cell : cells.values()) {
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
      requireSound();
      confirm();
      final Commits own = ownCommit();
      forget();
      commits = own;
    }
  }

  private Commits ownCommit() {
    final var own = new Commits();
    own.remember(obsolete);
    final var contents = StoreContents.newBuilder();
    if (confirmedMetadata != null) {
      contents.setMetadata(confirmedMetadata);
    }
    cells.forEach(
        (id, cell) -> {
          own.put(ChangelogKey.vector(writer, cell.side, id), cell.generation, cell.values);
          contents
              .addCellsBuilder()
              .setKind(id.kind())
              .setIndex(id.index())
              .setGeneration(cell.generation);
        });
    final List<byte[]> pieces = Commits.pieces(generation, contents.build());
    for (int i = 0; i < pieces.size(); i++) {
      own.restore(ChangelogKey.contents(writer, side, i).bytes().get(), pieces.get(i), -1);
    }
    own.restore(
        ChangelogKey.commit(writer, side).bytes().get(),
        commitRecord(pieces.size()).toByteArray(),
        -1);
    return own;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public void close() {
    open = false;
    forget();
    release();
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
      return CHANGELOG;
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
      throw new UnsupportedOperationException("the changelog's settings are the store's own");
    }

    @Override
    public StoreBuilder<InPlaceStore> withLoggingDisabled() {
      throw new UnsupportedOperationException("a store without changelog would lose gradients");
    }
  }
}
