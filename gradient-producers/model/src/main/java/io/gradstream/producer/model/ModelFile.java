package io.gradstream.producer.model;

import com.google.protobuf.ByteString;
import io.gradstream.proto.FileFault;
import io.gradstream.proto.UserError;
import io.gradstream.proto.log.RunLog;
import io.gradstream.proto.message.RunRecord;
import io.gradstream.proto.run.RunFiles;
import io.gradstream.proto.spec.RunSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * The file that a run spec's {@code model.file} names, whole in memory.
 *
 * <p>Whoever submits a run reads it beside the spec; everybody else gets the bytes that travel with
 * the run, whose SHA-256 is in the run's record. A spec that comes from a topic never names a file
 * of the machine that reads it.
 *
 * @param name as in the spec
 */
public record ModelFile(String name, ByteString content) {
  /** Of a model that has no file. */
  public static final ModelFile NONE = new ModelFile("", ByteString.EMPTY);

  private static final long MEBIBYTE = 1 << 20;

  /**
   * What a model says of its file.
   *
   * @param name relative to the spec's folder, which it must not leave
   * @param maxMegabytes how large it may be, in MiB
   */
  public record Wanted(String name, int maxMegabytes) {
    private long maxBytes() {
      return maxMegabytes * MEBIBYTE;
    }
  }

  /**
   * Reads the file beside a spec.
   *
   * @param specFile the spec's own file
   * @throws UserError if it is not there, too large, or outside the spec's folder
   */
  public static ModelFile beside(Path specFile, RunSpec spec) {
    final Wanted wanted = wanted(spec);
    if (wanted == null) {
      return NONE;
    }
    try {
      final Path folder = specFile.toAbsolutePath().resolveSibling(".").toRealPath();
      final Path name = Path.of(wanted.name());
      final Path file = folder.resolve(name).toRealPath();
      if (name.isAbsolute() || !file.startsWith(folder)) {
        throw spec.model()
            .error("file", "%s lies outside the spec's folder; put it there".formatted(name));
      }
      final long bytes = Files.size(file);
      if (bytes > wanted.maxBytes()) {
        throw spec.model()
            .error(
                "file",
                "%s has %,d MiB, and it travels with the run; up to %,d are allowed: give a larger max-file-mb"
                    .formatted(name, (bytes + MEBIBYTE - 1) / MEBIBYTE, wanted.maxMegabytes()));
      }
      return new ModelFile(wanted.name(), ByteString.copyFrom(Files.readAllBytes(file)));
    } catch (InvalidPathException e) {
      throw spec.model().error("file", wanted.name() + " is no name of a file");
    } catch (IOException e) {
      throw spec.model().error("file", wanted.name() + ": " + FileFault.of(e));
    }
  }

  /**
   * Reads the file that travels with a run.
   *
   * @throws UserError if it is not there, too large, or not the one in the run's record
   */
  public static ModelFile of(RunLog log) {
    final Wanted wanted = wanted(log.run().spec());
    return wanted == null
        ? NONE
        : new ModelFile(wanted.name(), RunFiles.read(log, wanted.name(), wanted.maxBytes()));
  }

  private static @Nullable Wanted wanted(RunSpec spec) {
    return Models.CATALOG.create(spec.model()).file();
  }

  /** What the run's record says of it. */
  public RunRecord.File entry() {
    return RunFiles.entry(name, content);
  }

  /** Writes it where the spec in a file finds it; nothing where the model has none. */
  public void writeBeside(Path specFile) throws IOException {
    if (!content.isEmpty()) {
      final Path file = specFile.resolveSibling(name);
      Files.createDirectories(file.toAbsolutePath().resolveSibling(".").normalize());
      Files.write(file, content.toByteArray());
    }
  }
}
