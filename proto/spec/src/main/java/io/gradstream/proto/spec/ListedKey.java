package io.gradstream.proto.spec;

import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.spec.X509EncodedKeySpec;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Somebody whom a run knows by a key: a worker, a parameter server or an evaluator.
 *
 * <p>Where a run lists keys of a role, it takes what that role publishes only if one of them signed
 * it.
 *
 * @param worker a worker's name in the log; null for another role
 * @param server a parameter server's name; null for another role
 * @param evaluator an evaluator's name in the log; null for another role
 * @param publicKey Ed25519, X.509 in base64, as {@code gradstream keys} prints it
 * @param tasks the tasks that a worker may compute; empty for all
 */
public record ListedKey(
    @Param("name of a worker, unique among them; it signs gradients") @Nullable String worker,
    @Param("name of a parameter server, unique among them; it signs the weights' seals")
        @Nullable String server,
    @Param("name of an evaluator, unique among them; it signs validation losses")
        @Nullable String evaluator,
    @Param("its Ed25519 public key in base64, as gradstream keys prints it") String publicKey,
    @Param(value = "the tasks that a worker may compute; none: all", defaultValue = "[]")
        List<String> tasks) {
  /** A role whose records are signed. */
  public enum Role {
    /** Signs gradients. */
    WORKER("gradients"),
    /** Signs the seals of weights. */
    SERVER("weights"),
    /** Signs validation losses. */
    EVALUATOR("validation losses");

    private final String signed;

    Role(String signed) {
      this.signed = signed;
    }

    /** What the role signs, in the plural. */
    public String signed() {
      return signed;
    }

    /** The role's key in an entry of the spec. */
    public String key() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]*");

  /** What the owner of a key may be called, as the end of a message. */
  public static final String NAME_RULE =
      "such a name has at most 60 letters, digits, dots, hyphens and underscores";

  public ListedKey {
    tasks = List.copyOf(tasks);
    final List<String> names =
        Stream.of(worker, server, evaluator).filter(Objects::nonNull).toList();
    if (names.size() != 1) {
      throw new SpecError(
          names.isEmpty() ? "worker" : "server",
          (names.isEmpty() ? "missing" : "one too many")
              + "; an entry names either a worker, a server or an evaluator");
    }
    final Role role = role(worker, server);
    if (!isName(names.getFirst())) {
      throw new SpecError(role.key(), "\"" + names.getFirst() + "\" is not allowed; " + NAME_RULE);
    }
    if (role != Role.WORKER && !tasks.isEmpty()) {
      throw new SpecError("tasks", "only a worker's key can be limited to tasks");
    }
    decode(publicKey);
  }

  private static Role role(@Nullable String worker, @Nullable String server) {
    return worker != null ? Role.WORKER : server != null ? Role.SERVER : Role.EVALUATOR;
  }

  /** Whether the owner of a key may have that name. */
  public static boolean isName(String name) {
    return NAME.matcher(name).matches() && name.length() <= 60;
  }

  public Role role() {
    return role(worker, server);
  }

  /** The owner's name. */
  public String name() {
    return Stream.of(worker, server, evaluator)
        .filter(Objects::nonNull)
        .findFirst()
        .orElseThrow(() -> new IllegalStateException("checked above"));
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
