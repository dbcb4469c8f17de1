package io.gradstream.producer.worker;

import io.gradstream.proto.evidence.Signer;
import io.gradstream.proto.spec.ListedKey;
import io.gradstream.proto.spec.ListedKey.Role;
import io.gradstream.proto.spec.RunSpec;
import java.lang.management.ManagementFactory;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The name under which a process's workers publish gradients, and the key that signs them.
 *
 * @param name their common name, which a number follows
 * @param signer signs their gradients; null where nobody has to
 */
public record WorkerIdentity(String name, @Nullable Signer signer) {
  /** Named after the process, without a key. */
  public static WorkerIdentity ofProcess() {
    return new WorkerIdentity(ManagementFactory.getRuntimeMXBean().getName(), null);
  }

  /** Named as the run spec names the key's owner; after the process where nobody has to sign. */
  public static WorkerIdentity of(@Nullable Signer signer) {
    return signer == null ? ofProcess() : new WorkerIdentity(signer.name(), signer);
  }

  /**
   * Whether gradients that these workers sign for a task count.
   *
   * @param task its name, or {@link io.gradstream.proto.topic.Topics#ALL}
   */
  public boolean mayCompute(String task, RunSpec spec) {
    return listed(spec).map(ListedKey::tasks).filter(tasks -> !tasks.isEmpty()).stream()
        .allMatch(tasks -> tasks.contains(task));
  }

  private Optional<ListedKey> listed(RunSpec spec) {
    return spec.keys(Role.WORKER).stream()
        .filter(key -> signer != null && key.name().equals(signer.name()))
        .findFirst();
  }
}
