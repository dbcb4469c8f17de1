package io.gradstream.producer.worker;

import io.gradstream.proto.evidence.Signer;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.spec.WorkerKey;
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

  /** Named as the run spec names the key's owner. */
  public static WorkerIdentity of(Signer signer) {
    return new WorkerIdentity(signer.worker(), signer);
  }

  /**
   * Whether gradients that these workers sign for a task count.
   *
   * @param task its name, or {@link io.gradstream.proto.topic.Topics#ALL}
   */
  public boolean mayCompute(String task, RunSpec spec) {
    return listed(spec).map(WorkerKey::tasks).filter(tasks -> !tasks.isEmpty()).stream()
        .allMatch(tasks -> tasks.contains(task));
  }

  private Optional<WorkerKey> listed(RunSpec spec) {
    return spec.keys().stream()
        .filter(key -> signer != null && key.worker().equals(signer.worker()))
        .findFirst();
  }
}
