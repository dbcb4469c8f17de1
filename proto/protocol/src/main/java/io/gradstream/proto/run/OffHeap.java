package io.gradstream.proto.run;

import com.sun.management.HotSpotDiagnosticMXBean;
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
   * Says how much a service will take.
   *
   * @param service who, such as "the arbitrator"
   * @param bytes of its vectors, if it has all partitions of the run
   * @throws UserError if that is more than this JVM may take
   */
  public static void announce(String service, long bytes) {
    require(service, bytes, limit());
    LOG.info("{}: up to {} MiB outside the heap", service, mebibytes(bytes));
  }

  static void require(String service, long bytes, long limit) {
    if (bytes + CLIENTS > limit) {
      throw new UserError(
          ("%s: up to %d MiB outside the heap, and this JVM may take %d MiB there; start it with"
                  + " -XX:MaxDirectMemorySize=%dm or more")
              .formatted(service, mebibytes(bytes), limit / MEBIBYTE, mebibytes(bytes + CLIENTS)));
    }
  }

  private static long mebibytes(long bytes) {
    return (bytes + MEBIBYTE - 1) / MEBIBYTE;
  }

  /** What the JVM was told, or as much as its heap. */
  private static long limit() {
    final var jvm = ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
    final long told = Long.parseLong(jvm.getVMOption("MaxDirectMemorySize").getValue());
    return told > 0 ? told : Runtime.getRuntime().maxMemory();
  }
}
