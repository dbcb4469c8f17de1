package io.gradstream.proto.evidence;

import com.google.protobuf.ByteString;
import io.gradstream.proto.message.Metric;
import io.gradstream.proto.message.WeightSeal;
import io.gradstream.proto.record.DeadLetters;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.spec.ListedKey;
import io.gradstream.proto.spec.ListedKey.Role;
import io.gradstream.proto.spec.RunSpec;
import java.security.GeneralSecurityException;
import java.security.PublicKey;
import java.security.Signature;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Whose records a run takes, by the keys that its spec lists: gradients of its workers, seals of
 * its parameter servers, validation losses of its evaluators. A role without keys signs nothing. A
 * worker's threads are told apart by a number behind its name: {@code alice/0}, {@code alice/1}.
 * Immutable.
 */
public final class Signers {
  private record Listed(PublicKey key, List<String> tasks) {}

  private final Map<Role, Map<String, Listed>> listed;

  private Signers(Map<Role, Map<String, Listed>> listed) {
    this.listed = listed;
  }

  public static Signers of(RunSpec spec) {
    return new Signers(
        spec.keys().stream()
            .collect(
                Collectors.groupingBy(
                    ListedKey::role,
                    Collectors.toUnmodifiableMap(
                        ListedKey::name, key -> new Listed(key.key(), key.tasks())))));
  }

  private Map<String, Listed> of(Role role) {
    return listed.getOrDefault(role, Map.of());
  }

  /**
   * A worker's name without the number of its thread: whoever has its key has all of its threads.
   */
  public static String nameOf(String worker) {
    final int slash = worker.lastIndexOf('/');
    return slash < 0 ? worker : worker.substring(0, slash);
  }

  /**
   * Checks who sent a gradient, where the run lists its workers.
   *
   * @param worker what it says of itself
   * @param task the task whose topic it came by
   * @param digest of its bytes
   * @throws MalformedRecordException if the worker is not listed, or not for this task, or did not
   *     sign the digest
   */
  public void check(String worker, String task, ByteString digest, ByteString signature)
      throws MalformedRecordException {
    if (of(Role.WORKER).isEmpty()) {
      return;
    }
    final Listed known = of(Role.WORKER).get(nameOf(worker));
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

  /**
   * Checks who sealed weights, where the run lists its parameter servers.
   *
   * @param seal one whose digest is that of its bytes
   * @throws MalformedRecordException if none of the listed servers signed it
   */
  public void check(WeightSeal seal) throws MalformedRecordException {
    final Map<String, Listed> servers = of(Role.SERVER);
    if (servers.isEmpty()) {
      return;
    }
    if (seal.getSignature().isEmpty()) {
      throw new MalformedRecordException("a seal that no parameter server signed");
    }
    if (servers.values().stream()
        .noneMatch(known -> isBy(known.key(), seal.getDigest(), seal.getSignature()))) {
      throw new MalformedRecordException(
          "a seal whose signature is that of no listed parameter server");
    }
  }

  /**
   * Checks who sent validation losses, where the run lists its evaluators.
   *
   * @param validation a record whose digest is that of its bytes
   * @throws MalformedRecordException if the evaluator is not listed or did not sign it
   */
  public void check(Metric validation) throws MalformedRecordException {
    final Map<String, Listed> evaluators = of(Role.EVALUATOR);
    if (evaluators.isEmpty()) {
      return;
    }
    final Listed known = evaluators.get(validation.getEvaluator());
    final String name = DeadLetters.printable(validation.getEvaluator());
    if (known == null) {
      throw new MalformedRecordException(
          "losses of evaluator " + name + ", whose key is not listed");
    }
    if (validation.getSignature().isEmpty()) {
      throw new MalformedRecordException("losses not signed by evaluator " + name);
    }
    if (!isBy(known.key(), validation.getDigest(), validation.getSignature())) {
      throw new MalformedRecordException("losses whose signature is not that of evaluator " + name);
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
