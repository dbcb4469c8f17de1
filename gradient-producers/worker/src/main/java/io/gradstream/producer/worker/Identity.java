package io.gradstream.producer.worker;

import io.gradstream.proto.evidence.Signer;
import java.lang.management.ManagementFactory;
import org.jspecify.annotations.Nullable;

/**
 * Who a process's workers are in the log.
 *
 * @param name their common name, which a number follows
 * @param signer signs their gradients; null where nobody has to
 */
public record Identity(String name, @Nullable Signer signer) {
  /** Named after the process, without a key. */
  public static Identity ofProcess() {
    return new Identity(ManagementFactory.getRuntimeMXBean().getName(), null);
  }

  /** Named as the run spec names the key's owner. */
  public static Identity of(Signer signer) {
    return new Identity(signer.worker(), signer);
  }
}
