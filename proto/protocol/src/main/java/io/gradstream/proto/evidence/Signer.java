package io.gradstream.proto.evidence;

import com.google.protobuf.ByteString;
import io.gradstream.proto.FileFault;
import io.gradstream.proto.UserError;
import io.gradstream.proto.spec.ListedKey;
import io.gradstream.proto.spec.ListedKey.Role;
import io.gradstream.proto.spec.RunSpec;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Signs what a role publishes with its Ed25519 key (RFC 8032, the JDK's own provider).
 *
 * @param role whose key it is, by the run spec
 * @param name the name under which the run spec lists the key
 * @param key the private key
 */
public record Signer(Role role, String name, PrivateKey key) {
  /** What stands in a header until the digest is known; has a signature's size. */
  public static final ByteString UNKNOWN = ByteString.copyFrom(new byte[64]);

  static final String ALGORITHM = "Ed25519";
  private static final String BEGIN = "-----BEGIN PRIVATE KEY-----";
  private static final String END = "-----END PRIVATE KEY-----";

  /** The signature of a digest, 64 bytes. */
  public ByteString sign(ByteString digest) {
    try {
      final Signature signature = Signature.getInstance(ALGORITHM);
      signature.initSign(key);
      signature.update(digest.asReadOnlyByteBuffer());
      return ByteString.copyFrom(signature.sign());
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("cannot sign as " + name, e);
    }
  }

  /**
   * Makes a key pair and writes the private key to a file, PKCS #8 in PEM, which its owner alone
   * may read.
   *
   * @return the public key as a run spec lists it
   * @throws UserError if there is such a file, or it cannot be written
   */
  public static String generate(Path file) {
    try {
      final KeyPair pair = KeyPairGenerator.getInstance(ALGORITHM).generateKeyPair();
      Files.createFile(
          file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
      Files.writeString(
          file,
          "%s%n%s%n%s%n"
              .formatted(
                  BEGIN, Base64.getEncoder().encodeToString(pair.getPrivate().getEncoded()), END),
          StandardOpenOption.WRITE);
      return Base64.getEncoder().encodeToString(pair.getPublic().getEncoded());
    } catch (FileAlreadyExistsException e) {
      throw new UserError(file + " exists, and a key must not be lost; choose another name", e);
    } catch (IOException e) {
      throw new UserError(file + ": cannot be written: " + FileFault.of(e), e);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every JDK has Ed25519", e);
    }
  }

  /**
   * Reads a private key and finds whom the run spec lists with it.
   *
   * @param role in which role; one key may have several
   * @throws UserError if the file holds no key, or the run spec does not list it in this role
   */
  public static Signer read(Path file, RunSpec spec, Role role) {
    return find(file, spec, role)
        .orElseThrow(
            () ->
                new UserError(
                    "%s: run %s lists no %s with this key; it knows %s"
                        .formatted(file, spec.run(), role.key(), names(spec, role))));
  }

  /**
   * The same where the key may be another role's.
   *
   * @throws UserError if the file holds no key
   */
  public static Optional<Signer> find(Path file, RunSpec spec, Role role) {
    final PrivateKey key = read(file);
    for (final ListedKey listed : spec.keys(role)) {
      final var signer = new Signer(role, listed.name(), key);
      if (Signers.isBy(listed.key(), Digests.UNKNOWN, signer.sign(Digests.UNKNOWN))) {
        return Optional.of(signer);
      }
    }
    return Optional.empty();
  }

  /**
   * Refuses to begin work whose results nobody would take.
   *
   * @param signer who is to sign them; null for nobody
   * @throws UserError if the run spec lists keys in the role, and there is no signer
   */
  public static void requireFor(RunSpec spec, Role role, @Nullable Signer signer) {
    if (signer == null && !spec.keys(role).isEmpty()) {
      throw new UserError(
          "run %s takes signed %s only; give the %s's --key FILE"
              .formatted(spec.run(), role.signed(), role.key()));
    }
  }

  /** The names of those whose keys a run spec lists in a role. */
  static List<String> names(RunSpec spec, Role role) {
    return spec.keys(role).stream().map(ListedKey::name).toList();
  }

  private static PrivateKey read(Path file) {
    try {
      final String text = Files.readString(file, StandardCharsets.US_ASCII);
      final int begin = text.indexOf(BEGIN);
      final int end = text.indexOf(END);
      if (begin < 0 || end < begin) {
        throw new UserError(file + ": no private key in PEM; make one with: gradstream keys");
      }
      final byte[] bytes =
          Base64.getMimeDecoder().decode(text.substring(begin + BEGIN.length(), end));
      return KeyFactory.getInstance(ALGORITHM).generatePrivate(new PKCS8EncodedKeySpec(bytes));
    } catch (IOException e) {
      throw new UserError(file + ": cannot be read: " + FileFault.of(e), e);
    } catch (IllegalArgumentException | GeneralSecurityException e) {
      throw new UserError(file + ": not an Ed25519 key; make one with: gradstream keys", e);
    }
  }
}
