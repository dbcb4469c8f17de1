package io.gradstream.producer.model.process;

import io.gradstream.proto.FileFault;
import io.gradstream.proto.UserError;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/**
 * Memory that this process shares with its child: a file of zeros that both map.
 *
 * <p>It lies in the file system in memory where that has room, else among temporary files; only
 * this user can read it. All its bytes are written before it is mapped, since a mapping of a file
 * system that has run full kills the process that touches it. Once the child has mapped it too, the
 * file's name is removed: the memory lives as long as the two, and no crash leaves it behind.
 *
 * @param path where the child finds it
 * @param memory the mapping; closed with its arena
 */
record MappedFile(Path path, MemorySegment memory) {
  private static final Path IN_MEMORY = Path.of("/dev/shm");
  private static final int CHUNK = 1 << 20;

  /**
   * Makes one.
   *
   * @param bytes its size, at least 1
   * @throws UserError if no file system has room for it
   */
  static MappedFile create(String purpose, long bytes, Arena arena) {
    final List<String> refusals = new ArrayList<>();
    for (final Path directory :
        List.of(IN_MEMORY, Path.of(System.getProperty("java.io.tmpdir")))) {
      if (Files.isDirectory(directory) && Files.isWritable(directory)) {
        try {
          return create(directory, purpose, bytes, arena);
        } catch (IOException e) {
          refusals.add(directory + " (" + FileFault.of(e) + ")");
        }
      }
    }
    throw new UserError(
        "a model of type process shares memory with its script in files, and none can have %,d bytes: %s; make room, or name a directory with room in -Djava.io.tmpdir"
            .formatted(bytes, refusals.isEmpty() ? "no directory is writable" : refusals));
  }

  private static MappedFile create(Path directory, String purpose, long bytes, Arena arena)
      throws IOException {
    if (Files.getFileStore(directory).getUsableSpace() < bytes) {
      throw new IOException("too little space");
    }
    final Path path = Files.createTempFile(directory, "gradstream-" + purpose + "-", "");
    try (var channel =
        FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
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

  /** Removes the name; the memory stays as long as somebody maps it. */
  void removeName() {
    try {
      Files.deleteIfExists(path);
    } catch (IOException e) {
      throw new UserError(path + ": cannot be removed: " + FileFault.of(e), e);
    }
  }
}
