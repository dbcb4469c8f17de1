package io.gradstream.producer.model.torchscript;

import com.google.protobuf.ByteString;
import io.gradstream.producer.model.ModelFile;
import io.gradstream.proto.FileFault;
import io.gradstream.proto.spec.Section;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.jspecify.annotations.Nullable;

/**
 * What is inside a TorchScript file, looked over before the engine reads it.
 *
 * <p>The interpreter has no Python and no network, but two operators that reach the file system:
 * one writes a tensor to any path, the other maps a file. A module that names one of them is
 * refused, so that a file cannot touch more than its own tensors.
 */
final class TorchScriptArchive {
  private static final byte[] ZIP = {'P', 'K', 3, 4};

  /** Bytes of code at most; tensors lie in the file as they are. */
  private static final int MAX_CODE = 64 << 20;

  private static final Pattern REACHES_FILES =
      Pattern.compile("\\b(?:torch|ops\\.\\w+)\\.(save|from_file)\\b");

  private TorchScriptArchive() {}

  /**
   * Requires that a file is a TorchScript archive that touches no files.
   *
   * @param model the spec's section, for messages
   * @throws io.gradstream.proto.UserError if it is not
   */
  static void require(ModelFile file, Section model) {
    final byte[] content = file.content().toByteArray();
    if (content.length < ZIP.length
        || !file.content().substring(0, ZIP.length).equals(ByteString.copyFrom(ZIP))) {
      throw model.error(
          "file",
          file.name()
              + " is no TorchScript file (no zip archive); write one with torch.jit.script(net).save(...)");
    }
    boolean hasCode = false;
    long unpacked = 0;
    @Nullable Path path = null;
    try {
      path = unpacked(file);
      try (var zip = new ZipFile(path.toFile())) {
        for (final ZipEntry entry : zip.stream().toList()) {
          unpacked += Math.max(0, entry.getSize());
          if (unpacked > content.length + MAX_CODE) {
            throw model.error(
                "file",
                file.name()
                    + " unpacks to much more than it has; torch.jit.save compresses code alone");
          }
          if (entry.getName().contains("/code/") && entry.getName().endsWith(".py")) {
            hasCode = true;
            requireNoFiles(text(zip, entry), file, model);
          }
        }
      }
    } catch (IOException e) {
      throw model.error("file", "%s is damaged: %s".formatted(file.name(), FileFault.of(e)));
    } finally {
      delete(path);
    }
    if (!hasCode) {
      throw model.error(
          "file",
          file.name()
              + " holds weights and no program (torch.save wrote it); write one with torch.jit.script(net).save(...)");
    }
  }

  private static String text(ZipFile zip, ZipEntry entry) throws IOException {
    try (InputStream stream = zip.getInputStream(entry)) {
      return new String(stream.readNBytes(MAX_CODE), StandardCharsets.UTF_8);
    }
  }

  private static void requireNoFiles(String code, ModelFile file, Section model) {
    final Matcher matcher = REACHES_FILES.matcher(code);
    if (matcher.find()) {
      throw model.error(
          "file",
          "%s calls %s, which reaches the file system; a model must not"
              .formatted(file.name(), matcher.group()));
    }
  }

  /**
   * Writes the file where this user alone can read it.
   *
   * @return a path that the caller deletes
   */
  static Path unpacked(ModelFile file) throws IOException {
    final Path path = Files.createTempFile("gradstream-", ".pt");
    Files.write(path, file.content().toByteArray());
    return path;
  }

  /** Deletes what {@link #unpacked} wrote, now or at the end of the process. */
  static void delete(@Nullable Path path) {
    try {
      if (path != null) {
        Files.deleteIfExists(path);
      }
    } catch (IOException e) {
      path.toFile().deleteOnExit();
    }
  }

  /** The lines of an engine's message that say what was wrong: the last error, and its operator. */
  static String reason(Throwable failure) {
    final List<String> lines =
        String.valueOf(failure.getMessage())
            .lines()
            .map(String::strip)
            .filter(l -> !l.isEmpty())
            .toList();
    return lines.stream()
        .filter(line -> line.contains("Error: "))
        .reduce((first, second) -> second)
        .orElse(lines.isEmpty() ? failure.toString() : lines.getFirst());
  }
}
