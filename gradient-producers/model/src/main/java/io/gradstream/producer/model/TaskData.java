package io.gradstream.producer.model;

import com.google.protobuf.ByteString;
import io.gradstream.producer.data.DataSources;
import io.gradstream.producer.data.ImageData;
import io.gradstream.producer.data.MicroBatches;
import io.gradstream.proto.UserError;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.spec.Section;
import io.gradstream.proto.spec.TaskBatches;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The stored data that each task of a run is trained and validated on: the run's, or its own. Tasks
 * whose sections say the same have one source, which is read once. Immutable, and shared by all
 * models of a process.
 */
public final class TaskData {
  /**
   * Tasks that are trained on the same data.
   *
   * @param tasks in order, at least one
   */
  public record Source(List<Integer> tasks, ImageData data, ByteString digest) {
    public Source {
      tasks = List.copyOf(tasks);
    }
  }

  private final TaskBatches batches;
  private final List<Source> sources = new ArrayList<>();
  private final int[] sourceOf;
  private final MicroBatches[] orders;
  private final DataDigests digests;

  private TaskData(RunSpec spec) {
    this.batches = spec.batches();
    final int tasks = spec.tasks().size();
    this.sourceOf = new int[tasks];
    for (int task = 0; task < tasks; task++) {
      final int first = batches.source(task);
      if (first == task) {
        sourceOf[task] = sources.size();
        sources.add(read(spec, task));
      } else {
        sourceOf[task] = sourceOf[first];
      }
    }
    this.orders = new MicroBatches[tasks];
    for (int task = 0; task < tasks; task++) {
      orders[task] = new MicroBatches(spec.seed(), of(task).training().size(), batches.size(task));
    }
    this.digests = digests(spec);
  }

  /**
   * Reads the data of all tasks.
   *
   * @throws UserError if they cannot be read, or have fewer held-out samples than a validation
   *     takes
   */
  public static TaskData read(RunSpec spec) {
    return new TaskData(spec);
  }

  /** Whether a spec names data for some task, so that there is something to read. */
  public static boolean isNamed(RunSpec spec) {
    return spec.tasks().stream().anyMatch(task -> task.data() != null)
        || !spec.data().kind().equals("none");
  }

  private Source read(RunSpec spec, int task) {
    final Section section = batches.data(task);
    final ImageData data = DataSources.CATALOG.create(section);
    final int heldOut = data.heldOut().size();
    if (spec.evaluation().every() > 0 && spec.evaluation().samples() > heldOut) {
      throw new UserError(
          "evaluation.samples: %d, but %d samples are held out; give at most so many, or a larger %s.held-out"
              .formatted(spec.evaluation().samples(), heldOut, section.path()));
    }
    final List<Integer> tasks =
        IntStream.range(task, sourceOf.length)
            .filter(other -> batches.source(other) == task)
            .boxed()
            .toList();
    return new Source(tasks, data, ByteString.copyFrom(data.digest()));
  }

  private DataDigests digests(RunSpec spec) {
    @Nullable ByteString common = null;
    final List<ByteString> ofTasks = new ArrayList<>();
    for (int task = 0; task < sourceOf.length; task++) {
      ofTasks.add(sourceOf(task).digest());
      if (spec.tasks().get(task).data() == null) {
        common = sourceOf(task).digest();
      }
    }
    final boolean haveOwn = spec.tasks().stream().anyMatch(task -> task.data() != null);
    return new DataDigests(
        Objects.requireNonNullElse(common, ByteString.EMPTY), haveOwn ? ofTasks : List.of());
  }

  /** The different data, in order of the first tasks that have them. */
  public List<Source> sources() {
    return List.copyOf(sources);
  }

  /** Which of {@link #sources()} a task has. */
  public int source(int task) {
    return sourceOf[task];
  }

  private Source sourceOf(int task) {
    return sources.get(sourceOf[task]);
  }

  /** The data of a task. */
  public ImageData of(int task) {
    return sourceOf(task).data();
  }

  /** Samples of a task's micro-batch. */
  public int batchSize(int task) {
    return batches.size(task);
  }

  /** The largest batch of a source's tasks. */
  public int largestBatch(Source source) {
    return source.tasks().stream().mapToInt(this::batchSize).max().orElseThrow();
  }

  /** The training samples of a task's micro-batch. */
  public int[] samples(int task, long microBatch) {
    return orders[task].samples(batches.firstSample(task, microBatch), batches.size(task));
  }

  /** SHA-256 of the samples of a task's micro-batch. */
  public ByteString batchDigest(int task, long microBatch) {
    return ByteString.copyFrom(of(task).training().digestOf(samples(task, microBatch)));
  }

  /** How many held-out samples of each source a validation uses that asks for some. */
  public int heldOut(int samples) {
    return sources.stream()
        .mapToInt(source -> Math.min(samples, source.data().heldOut().size()))
        .min()
        .orElseThrow();
  }

  /** What run records say of the data. */
  public DataDigests digests() {
    return digests;
  }
}
