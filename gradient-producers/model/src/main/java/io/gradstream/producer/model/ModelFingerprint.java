package io.gradstream.producer.model;

import io.gradstream.producer.data.CounterRandom;
import io.gradstream.producer.data.RandomPurpose;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.manifest.TensorShape;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.util.List;

/**
 * The fingerprint of whoever computes a model's gradients: the first eight bytes of the SHA-256
 * over the gradients of all tasks on micro-batch 0, one after the other, at weights that repeat the
 * same {@value #PERIOD} small random numbers. So it tells apart whatever shows in the bits of this
 * very model: processor, framework, threads, device.
 */
public final class ModelFingerprint {
  private static final int PERIOD = 1 << 16;
  private static final double SIZE = 0.1;
  private static final long CHUNK = 64L << 20;
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final MessageDigest digest = Digests.sha256();

  /**
   * Begins, with the weights that the gradients are to be taken at: small ones, and buffers near 1,
   * since a variance must not be negative.
   *
   * @param tensors of the flat vector
   */
  public ModelFingerprint(MemorySegment weights, List<TensorShape> tensors) {
    final var random = CounterRandom.of(0, RandomPurpose.ARITHMETIC);
    final long values = weights.byteSize() / Float.BYTES;
    for (long i = 0; i < Math.min(PERIOD, values); i++) {
      weights.setAtIndex(FLOAT, i, (float) (SIZE * (2 * random.uniform(i) - 1)));
    }
    final long period = (long) PERIOD * Float.BYTES;
    for (long at = period; at < weights.byteSize(); at += period) {
      final long length = Math.min(period, weights.byteSize() - at);
      MemorySegment.copy(weights, 0, weights, at, length);
    }
    final long parameters =
        tensors.stream().filter(tensor -> !tensor.buffer()).mapToLong(TensorShape::size).sum();
    for (long i = parameters; i < values; i++) {
      weights.setAtIndex(FLOAT, i, 1 + weights.getAtIndex(FLOAT, i));
    }
  }

  /** Takes in the next task's gradient. */
  public void add(MemorySegment gradient) {
    for (long at = 0; at < gradient.byteSize(); at += CHUNK) {
      digest.update(gradient.asSlice(at, Math.min(CHUNK, gradient.byteSize() - at)).asByteBuffer());
    }
  }

  /** The fingerprint. */
  public long end() {
    return ByteBuffer.wrap(digest.digest()).getLong();
  }
}
