package io.gradstream.producer.model;

import com.google.protobuf.ByteString;
import io.gradstream.proto.manifest.TensorShape;
import java.lang.foreign.MemorySegment;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;

/**
 * A model that computes a task's gradient, or that of all tasks' sum, on one micro-batch.
 *
 * <p>Instances are confined to the thread that uses them; several of them in one JVM do not disturb
 * each other. What {@link #gradient(int, long)} and {@link #scalarizedGradient(long)} answer
 * follows from the run spec, the weights and their arguments alone, to the bit, whoever asks and
 * whatever was asked before.
 */
public interface TaskModel extends AutoCloseable {
  /**
   * Losses on held-out data.
   *
   * @param samples how many held-out samples were used
   * @param losses mean loss of each task, in task order
   * @param metrics what people want to see beside the losses, by name
   */
  record Validation(int samples, double[] losses, SortedMap<String, Double> metrics) {
    /** Without metrics. */
    public Validation(int samples, double[] losses) {
      this(samples, losses, Collections.emptySortedMap());
    }
  }

  /**
   * The tensors in the order of the flat vectors: shared parameters first, then each task's own,
   * then buffers.
   */
  List<TensorShape> tensors();

  /**
   * The flat weights, little-endian float32, off-heap. The caller writes a weights version here
   * before it asks for gradients; the model never changes them but in {@link #initialize(long)}.
   */
  MemorySegment weights();

  /**
   * The flat gradient of the last {@link #gradient(int, long)} or {@link
   * #scalarizedGradient(long)}, laid out like {@link #weights()}.
   */
  MemorySegment gradient();

  /**
   * Fills {@link #weights()} with the initial weights that belong to a seed, the same on every
   * machine.
   */
  void initialize(long seed);

  /**
   * Computes d loss / d weights of one task on one micro-batch into {@link #gradient()}. What the
   * task does not touch, the other tasks' own parameters among it, is zero. The place of a buffer
   * gets what the batch takes away from it: its values in {@link #weights()}, which stay as they
   * are, minus what they become.
   *
   * @param task position of the task in the run spec
   * @param microBatch index into the seeded sequence of micro-batches; it names samples, masks and
   *     noise, so tasks that ask for the same index see the same batch
   * @return the loss
   * @throws ModelFailure when it could not be computed this time
   */
  double gradient(int task, long microBatch);

  /**
   * Computes d (sum over tasks of weight x loss) / d weights on one micro-batch into {@link
   * #gradient()}, with the run spec's loss weights. It is the weighted sum of the tasks' {@link
   * #gradient(int, long)}, but for rounding, at the price of about one of them: the tasks share the
   * forward and the backward pass. A buffer's place gets the plain mean over the tasks that it
   * learns from.
   *
   * @param microBatch as for {@link #gradient(int, long)}
   * @return each task's loss, in task order and without its weight
   */
  double[] scalarizedGradient(long microBatch);

  /**
   * SHA-256 of the samples of a micro-batch, by which an auditor who has other data can tell; empty
   * where the model does not know them.
   *
   * @param task position of the task in the run spec
   * @param microBatch as for {@link #gradient(int, long)}
   */
  default ByteString batchDigest(int task, long microBatch) {
    return ByteString.EMPTY;
  }

  /**
   * Losses of all tasks on held-out data at the current weights, without gradients. The same
   * samples and the same masks each time.
   *
   * @param samples how many held-out samples to use at most, at least 1
   */
  Validation validate(int samples);

  /**
   * The fingerprint of the arithmetic that gradients are computed with, in this process and on this
   * thread; takes well below a second.
   */
  long fingerprint();

  /** What it computes on: {@code cpu}, or {@code gpu:0} and so on. Its gradients say so. */
  default String device() {
    return "cpu";
  }

  /**
   * What gradients follow from beside spec and weights; the same for all instances of a process.
   */
  default Provenance provenance() {
    return Provenance.NONE;
  }

  /**
   * What somebody needs to build the same network elsewhere, by names of the model's own: options
   * with their defaults, sizes of the data. It goes into the run's record, and into the files that
   * {@code export} writes. Empty where the model's file or script says it.
   */
  default SortedMap<String, String> blueprint() {
    return Collections.emptySortedMap();
  }

  @Override
  void close();
}
