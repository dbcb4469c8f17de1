package io.gradstream.producer.model;

import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.spec.ArithmeticPolicy;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;

/**
 * A fingerprint of arithmetic: the digest of what a fixed computation came to, step by step.
 *
 * <p>It is made of the computed bits alone. Processor, library, version and number of threads are
 * not in it, since they matter only as far as they change bits: two machines that agree on every
 * step are one kind. Agreement on these steps does not prove agreement on all shapes; disagreement
 * proves that digests will differ.
 *
 * @param steps in the order in which they were computed
 * @param value the first eight bytes, big-endian, of the SHA-256 over all results: what gradients
 *     carry
 */
public record Fingerprint(List<Step> steps, long value) {
  /**
   * One operation on fixed numbers.
   *
   * @param name such as {@code matrix product 64 x 64 x 64}
   * @param value the first eight bytes of the SHA-256 over this step's results alone
   */
  public record Step(String name, long value) {}

  public Fingerprint {
    steps = List.copyOf(steps);
  }

  /** Begins a fingerprint. */
  public static Builder begin() {
    return new Builder();
  }

  @Override
  public String toString() {
    return ArithmeticPolicy.text(value);
  }

  /** Takes in results; one use, one thread. */
  public static final class Builder {
    private static final ValueLayout.OfFloat LITTLE_ENDIAN =
        ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final MessageDigest all = Digests.sha256();
    private final List<Step> steps = new ArrayList<>();

    private Builder() {}

    /**
     * Takes in what a step came to, as little-endian float32.
     *
     * @param results one array for each result, the gradients of the step's inputs among them
     */
    public Builder step(String name, List<float[]> results) {
      final MessageDigest one = Digests.sha256();
      for (final float[] result : results) {
        final byte[] bytes = new byte[result.length * Float.BYTES];
        MemorySegment.copy(
            result, 0, MemorySegment.ofArray(bytes), LITTLE_ENDIAN, 0, result.length);
        one.update(bytes);
        all.update(bytes);
      }
      steps.add(new Step(name, beginningOf(one)));
      return this;
    }

    /** The fingerprint of all steps. */
    public Fingerprint end() {
      return new Fingerprint(steps, beginningOf(all));
    }

    private static long beginningOf(MessageDigest digest) {
      return ByteBuffer.wrap(digest.digest()).getLong();
    }
  }
}
