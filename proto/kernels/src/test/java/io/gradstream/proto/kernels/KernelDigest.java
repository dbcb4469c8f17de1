package io.gradstream.proto.kernels;

import io.gradstream.proto.kernels.SampleVectors.Place;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.stream.Stream;

/**
 * Runs every kernel of this JVM on the same vectors and prints what it is and the digest of all.
 */
final class KernelDigest {
  private static final int N = 3 * InnerProductPass.BLOCK + 77;
  private static final ValueType F = ValueType.FLOAT32;

  private final SampleVectors sample = new SampleVectors(2026);
  private final MessageDigest digest;
  private final Kernels kernels = Kernels.best();

  private KernelDigest() throws NoSuchAlgorithmException {
    digest = MessageDigest.getInstance("SHA-256");
  }

  public static void main(String[] args) throws NoSuchAlgorithmException {
    new KernelDigest().run();
  }

  private void run() {
    for (int tasks : new int[] {1, 2, 5}) {
      MemorySegment[] current = vectors(tasks);
      MemorySegment momentum = vector(F);
      InnerProducts products = kernels.innerProducts(current, vectors(tasks), momentum, N);
      add(products.gram());
      add(products.cross());
      add(products.momentum());
      add(products.momentumSquared());
    }
    for (ValueType type : ValueType.values()) {
      elementwise(type);
    }
    System.out.println(name() + " " + HexFormat.of().formatHex(digest.digest()));
  }

  private void elementwise(ValueType type) {
    MemorySegment u = vector(type);
    MemorySegment theta = vector(F);
    MemorySegment m = vector(F);
    MemorySegment v = Place.NATIVE.allocate(N * 4L);
    MemorySegment out = Place.HEAP.allocate((long) N * type.bytes());
    add(kernels.squaredNorm(u, type, N));
    kernels.add(theta, u, type, N);
    kernels.combine(out, type, vectors(3), new float[] {1.5f, -0.5f, 0.1f}, m, 0.9f, 1.1f, N);
    kernels.sgd(theta, out, type, m, new SgdStep(0.01f, 0.1f, 0.9f), N);
    kernels.adamw(theta, u, type, m, v, AdamWStep.of(0.01, 0.9, 0.99, 1e-8, 0.1, 2), N);
    kernels.signStep(theta, out, type, 0.003f, 0.999f, N);
    for (MemorySegment changed : new MemorySegment[] {theta, m, v, out}) {
      digest.update(SampleVectors.bytes(changed));
    }
  }

  /** Asks a vector class only where one was chosen, so that this runs without the module too. */
  private String name() {
    return kernels == Kernels.scalar() ? "scalar" : "vector-" + VectorKernels.BITS;
  }

  private void add(double... values) {
    ByteBuffer bytes = ByteBuffer.allocate(values.length * Double.BYTES);
    bytes.asDoubleBuffer().put(values);
    digest.update(bytes);
  }

  private MemorySegment vector(ValueType type) {
    return sample.vector(Place.NATIVE, type, N);
  }

  private MemorySegment[] vectors(int count) {
    return Stream.generate(() -> vector(F)).limit(count).toArray(MemorySegment[]::new);
  }
}
