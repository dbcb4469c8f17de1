package io.gradstream.proto.spec.plugin;

import io.gradstream.proto.FileFault;
import io.gradstream.proto.UserError;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * A jar that the command line names.
 *
 * @param file where it is
 * @param bytes its size
 * @param sha256 of its bytes, in hexadecimal digits; a run's record has it, since the jar decides
 *     bits
 */
public record PluginJar(Path file, long bytes, String sha256) {
  private static final int BUFFER = 1 << 16;

  /**
   * Takes the digest of a file.
   *
   * @throws UserError if it cannot be read
   */
  static PluginJar of(Path file) {
    try (InputStream content = Files.newInputStream(file)) {
      final MessageDigest digest = MessageDigest.getInstance("SHA-256");
      final byte[] buffer = new byte[BUFFER];
      long bytes = 0;
      for (int read = content.read(buffer); read >= 0; read = content.read(buffer)) {
        digest.update(buffer, 0, read);
        bytes += read;
      }
      return new PluginJar(file, bytes, HexFormat.of().formatHex(digest.digest()));
    } catch (IOException e) {
      throw new UserError("--plugin %s: %s".formatted(file, FileFault.of(e)), e);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  /** The file's name without its folder. */
  public String name() {
    final Path name = file.getFileName();
    return name == null ? file.toString() : name.toString();
  }

  /** A mistake in this jar, as one line that begins with the option. */
  public UserError error(String message) {
    return new UserError("--plugin %s: %s".formatted(file, message));
  }

  UserError error(String message, Throwable cause) {
    return new UserError("--plugin %s: %s".formatted(file, message), cause);
  }

  /**
   * A jar whose classes call what this Gradstream does not have.
   *
   * @param what such as "it uses Resolver.gone, which is not there"
   */
  UserError otherVersion(String what) {
    return error(otherVersionText(what));
  }

  /** The same where Java found it out. */
  public UserError otherVersion(LinkageError cause) {
    return error(otherVersionText(cause.toString()), cause);
  }

  private static String otherVersionText(String what) {
    return "was built against another version of Gradstream, since %s; build it anew against this one"
        .formatted(what);
  }
}
