package io.gradstream.proto.evidence;

import com.google.protobuf.ByteString;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.spec.WorkerKey;
import java.security.GeneralSecurityException;
import java.security.PublicKey;
import java.security.Signature;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * The workers whose gradients a run takes, by the keys that its spec lists. A worker's threads are
 * told apart by a number behind its name: {@code alice/0}, {@code alice/1}. Immutable.
 */
public final class Signers {
  private record Listed(PublicKey key, List<String> tasks) {}

  private final Map<String, Listed> listed;

  private Signers(Map<String, Listed> listed) {
    this.listed = listed;
  }

  public static Signers of(RunSpec spec) {
    return new Signers(
        spec.keys().stream()
            .collect(
                Collectors.toUnmodifiableMap(
                    WorkerKey::worker, key -> new Listed(key.key(), key.tasks()))));
  }

  /** Whether the run takes gradients of anybody, signed or not. */
  public boolean none() {
    return listed.isEmpty();
  }

  /**
   * Checks who sent a gradient.
   *
   * @param worker what it says of itself
   * @param task the task whose topic it came by
   * @param digest of its bytes
   * @throws MalformedRecordException if the worker is not listed, or not for this task, or did not
   *     sign the digest
   */
  public void check(String worker, String task, ByteString digest, ByteString signature)
      throws MalformedRecordException {
    final int slash = worker.lastIndexOf('/');
    final String name = slash < 0 ? worker : worker.substring(0, slash);
    final Listed known = listed.get(name);
    if (known == null) {
      throw new MalformedRecordException("worker " + worker + ", whose key is not listed");
    }
    if (!known.tasks().isEmpty() && !known.tasks().contains(task)) {
      throw new MalformedRecordException(
          "worker %s may compute %s, not %s".formatted(worker, known.tasks(), task));
    }
    if (signature.isEmpty()) {
      throw new MalformedRecordException("not signed by worker " + worker);
    }
    if (!isBy(known.key(), digest, signature)) {
      throw new MalformedRecordException("signature is not that of worker " + worker);
    }
  }

  static boolean isBy(PublicKey key, ByteString digest, ByteString signature) {
    try {
      final Signature verifier = Signature.getInstance(Signer.ALGORITHM);
      verifier.initVerify(key);
      verifier.update(digest.asReadOnlyByteBuffer());
      return verifier.verify(signature.toByteArray());
    } catch (GeneralSecurityException e) {
      return false;
    }
  }
}
