package io.gradstream.proto.spec;

import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.spec.X509EncodedKeySpec;
import java.util.Base64;
import java.util.List;
import java.util.regex.Pattern;

/**
 * A worker that a run knows by its key.
 *
 * @param worker its name in the log
 * @param publicKey Ed25519, X.509 in base64, as {@code gradstream keys} prints it
 * @param tasks the tasks it may compute; empty for all
 */
public record WorkerKey(
    @Param("name of the worker, unique in the run") String worker,
    @Param("its Ed25519 public key in base64, as gradstream keys prints it") String publicKey,
    @Param(value = "the tasks it may compute; none: all", defaultValue = "[]") List<String> tasks) {
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]*");

  /** What a worker may be called, as the end of a message. */
  public static final String NAME_RULE =
      "a worker's name has at most 60 letters, digits, dots, hyphens and underscores";

  public WorkerKey {
    tasks = List.copyOf(tasks);
    if (!isName(worker)) {
      throw new SpecError("worker", "\"" + worker + "\" is not allowed; " + NAME_RULE);
    }
    decode(publicKey);
  }

  /** Whether a worker may have that name. */
  public static boolean isName(String worker) {
    return NAME.matcher(worker).matches() && worker.length() <= 60;
  }

  /** The key itself. */
  public PublicKey key() {
    return decode(publicKey);
  }

  private static PublicKey decode(String text) {
    try {
      return KeyFactory.getInstance("Ed25519")
          .generatePublic(new X509EncodedKeySpec(Base64.getDecoder().decode(text)));
    } catch (IllegalArgumentException | GeneralSecurityException e) {
      throw new SpecError(
          "public-key",
          "\"" + text + "\" is no Ed25519 public key; make a pair with: gradstream keys");
    }
  }
}
