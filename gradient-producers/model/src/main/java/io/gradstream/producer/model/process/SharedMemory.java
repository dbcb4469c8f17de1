package io.gradstream.producer.model.process;

import io.gradstream.proto.FileFault;
import io.gradstream.proto.UserError;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/**
 * Memory that this process shares with one child: files that both map.
 *
 * <p>They lie in the file system in memory where that has room, else among temporary files; only
 * this user can read them. All their bytes are written before they are mapped, since a mapping of a
 * file system that has run full kills the process that touches it. Once the child has mapped a file
 * too, its name is removed: the memory lives as long as the two, and no crash leaves it behind.
 */
final class SharedMemory implements AutoCloseable {
  private static final Path IN_MEMORY = Path.of("/dev/shm");
  private static final int CHUNK = 1 << 20;

  private final Arena arena = Arena.ofShared();

  /**
   * Makes a file of zeros.
   *
   * @param purpose a part of its name
   * @param bytes its size, at least 1
   * @throws UserError if no file system has room for it
   */
  MappedFile create(String purpose, long bytes) {
    final List<String> refusals = new ArrayList<>();
    for (final Path directory : List.of(IN_MEMORY, Path.of(System.getProperty("java.io.tmpdir")))) {
      if (Files.isDirectory(directory) && Files.isWritable(directory)) {
        try {
          return create(directory, purpose, bytes);
        } catch (IOException e) {
          refusals.add(directory + " (" + FileFault.of(e) + ")");
        }
      }
    }
    throw new UserError(
        "a model of type process shares memory with its script in files, and none can have %,d bytes: %s; make room, or name a directory with room in -Djava.io.tmpdir"
            .formatted(bytes, refusals.isEmpty() ? "no directory is writable" : refusals));
  }

  private MappedFile create(Path directory, String purpose, long bytes) throws IOException {
    if (Files.getFileStore(directory).getUsableSpace() < bytes) {
      throw new IOException("too little space");
    }
    final Path path = Files.createTempFile(directory, "gradstream-" + purpose + "-", "");
    try (var channel = FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      final var zeros = ByteBuffer.allocateDirect((int) Math.min(CHUNK, bytes));
      for (long written = 0; written < bytes; ) {
        zeros.clear().limit((int) Math.min(zeros.capacity(), bytes - written));
        written += channel.write(zeros);
      }
      return new MappedFile(path, channel.map(FileChannel.MapMode.READ_WRITE, 0, bytes, arena));
    } catch (IOException e) {
      Files.deleteIfExists(path);
      throw e;
    }
  }

  /** Gives the mappings up. */
  @Override
  public void close() {
    arena.close();
  }
}
