package io.gradstream.proto.streams;

import com.google.protobuf.ByteString;
import io.gradstream.proto.kernels.NamedVectors;
import io.gradstream.proto.kernels.VectorId;
import io.gradstream.proto.log.LogReader;
import io.gradstream.proto.run.StoreImage;
import java.lang.foreign.MemorySegment;
import java.util.HashSet;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
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
  private final String name;
  private final StoreVectors vectors = new StoreVectors();

  /** What the changelog holds, while it is restored. */
  private Commits commits = new Commits();

  private @Nullable InternalProcessorContext<?, ?> context;

  /** There between {@link #recover} and the end of the task, and so is the metadata. */
  private @Nullable CommitWriter writer;

  private Supplier<byte[]> metadata = () -> new byte[0];

  private boolean failed;
  private boolean transactions;
  private long commitNanos;
  private long flushedNanos;

  private volatile boolean open;

  InPlaceStore(String name) {
    this.name = name;
  }

  /**
   * For {@code Topology.addStateStore}; the changelog is compacted by key, as Streams creates it.
   */
  public static StoreBuilder<InPlaceStore> builder(String name) {
    return new InPlaceStoreBuilder(name);
  }

  @Override
  public void init(StateStoreContext stateContext, StateStore root) {
    // Kafka Streams initialises a store again after a fault; the changelog is then read from its
    // beginning.
    forget();
    vectors.close();
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
    vectors.forget();
    writer = null;
    failed = false;
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
    vectors.forget();
    if (latest.stream().noneMatch(Commits.Whole::isInMemory)) {
      vectors.close();
    }
    final var changelog =
        new TopicPartition(context().changelogFor(name), context().taskId().partition());
    latest.ifPresent(whole -> vectors.recover(whole, log, changelog));
    final ByteString confirmed = latest.map(whole -> whole.contents().getMetadata()).orElse(null);
    writer = new CommitWriter(commits, confirmed, vectors, this::log);
    commits = new Commits();
    metadata = metadataAtCommit;
    failed = false;
    flushedNanos = System.nanoTime();
    return Optional.ofNullable(confirmed).map(ByteString::toByteArray);
  }

  /**
   * Takes over an image, after {@link #recover} found no commit. It is written down with the next
   * commit; until then the image is asked for again.
   */
  public void begin(StoreImage image) {
    image.vectors().forEach(vectors::put);
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
    return vectors.vector(id, length);
  }

  @Override
  public void changed(VectorId id) {
    vectors.changed(id);
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
    if (writer == null) {
      return;
    }
    if (transactions) {
      // StateStore.commit is not called then, and need not be: a transaction that lost a record
      // cannot commit its offsets.
      writer.confirm();
    }
    flushedNanos = System.nanoTime();
    writer.flush(ByteString.copyFrom(metadata.get()));
  }

  private void log(Bytes key, byte @Nullable [] value) {
    final long time = context().currentSystemTimeMs();
    context().logChange(name, key, value, time, new RecordHeaders(), Position.emptyPosition());
  }

  /** Called when the records of the last flush have arrived and the offsets are committed. */
  @Override
  public void commit(Map<TopicPartition, Long> changelogOffsets) {
    if (writer != null) {
      writer.confirm();
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
    if (writer != null) {
      requireSound();
      writer.confirm();
      final Commits own = writer.confirmed();
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
    vectors.close();
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
}
