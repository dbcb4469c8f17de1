package io.gradstream.proto.evidence;

import com.google.protobuf.ByteString;
import io.gradstream.proto.FileFault;
import io.gradstream.proto.UserError;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.spec.WorkerKey;
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

/**
 * Signs a worker's gradients with its Ed25519 key (RFC 8032, the JDK's own provider).
 *
 * @param worker the name under which the run spec lists the key
 * @param key the private key
 */
public record Signer(String worker, PrivateKey key) {
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
      throw new IllegalStateException("cannot sign as " + worker, e);
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
   * Reads a private key and finds the worker that the run spec lists with it.
   *
   * @throws UserError if the file holds no key, or the run spec does not list it
   */
  public static Signer read(Path file, RunSpec spec) {
    final PrivateKey key = read(file);
    for (final WorkerKey listed : spec.keys()) {
      final var signer = new Signer(listed.worker(), key);
      if (Signers.isBy(listed.key(), Digests.UNKNOWN, signer.sign(Digests.UNKNOWN))) {
        return signer;
      }
    }
    throw new UserError(
        "%s: run %s does not list this key; it knows %s"
            .formatted(file, spec.run(), spec.keys().stream().map(WorkerKey::worker).toList()));
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
