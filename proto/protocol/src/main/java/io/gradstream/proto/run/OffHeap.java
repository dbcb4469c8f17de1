package io.gradstream.proto.run;

import com.sun.management.HotSpotDiagnosticMXBean;
import com.sun.management.OperatingSystemMXBean;
import io.gradstream.proto.UserError;
import java.lang.management.ManagementFactory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The memory outside the heap that a service's vectors take: said, and checked, at its start. */
public final class OffHeap {
  private static final Logger LOG = LoggerFactory.getLogger(OffHeap.class);
  private static final long MEBIBYTE = 1024 * 1024;

  /** For what Kafka's clients read and write through. */
  private static final long CLIENTS = 64 * MEBIBYTE;

  private OffHeap() {}

  /**
   * The memory that a process may take outside its heap.
   *
   * @param direct bytes that the JVM allows
   * @param beside bytes that the machine, or the container, has beside the heap at its largest
   */
  record Limits(long direct, long beside) {
    static Limits ofThisJvm() {
      final var jvm = ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
      final var machine = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
      final long heap = Runtime.getRuntime().maxMemory();
      final long told = Long.parseLong(jvm.getVMOption("MaxDirectMemorySize").getValue());
      return new Limits(told > 0 ? told : heap, Math.max(0, machine.getTotalMemorySize() - heap));
    }
  }

  /**
   * Says how much a service will take; a restart takes no more.
   *
   * @param service who, such as "the arbitrator"
   * @param bytes of its vectors, if it has all partitions of the run
   * @param partitions how many these are: with other instances it may have fewer
   * @throws UserError if all are more than this JVM may take, or one is more than the machine has
   *     beside the JVM's heap
   */
  public static void announce(String service, long bytes, int partitions) {
    final Limits limits = Limits.ofThisJvm();
    require(service, bytes, partitions, limits);
    LOG.info("{}: up to {} MiB outside the heap", service, mebibytes(bytes));
    if (bytes + CLIENTS > limits.beside()) {
      LOG.warn(
          "{}: this machine or container has {} MiB beside the heap; the run's partitions need"
              + " several instances",
          service,
          limits.beside() / MEBIBYTE);
    }
  }

  /** The same for what has no partitions. */
  public static void announce(String service, long bytes) {
    announce(service, bytes, 1);
  }

  static void require(String service, long bytes, int partitions, Limits limits) {
    final long needed = bytes + CLIENTS;
    if (needed > limits.direct()) {
      throw new UserError(
          ("%s: up to %d MiB outside the heap, and this JVM may take %d MiB there; start it with"
                  + " -XX:MaxDirectMemorySize=%dm or more")
              .formatted(service, mebibytes(bytes), limits.direct() / MEBIBYTE, mebibytes(needed)));
    }
    final long least = bytes / partitions + CLIENTS;
    if (least > limits.beside()) {
      throw new UserError(
          ("%s: at least %d MiB outside the heap, and this machine or container has %d MiB beside"
                  + " the heap; give it %d MiB more, or this JVM a smaller heap (-Xmx in"
                  + " GRADSTREAM_OPTS)")
              .formatted(
                  service,
                  mebibytes(least),
                  limits.beside() / MEBIBYTE,
                  mebibytes(least - limits.beside())));
    }
  }

  private static long mebibytes(long bytes) {
    return (bytes + MEBIBYTE - 1) / MEBIBYTE;
  }
}
