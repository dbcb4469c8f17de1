package io.gradstream.producer.model.process;

import io.gradstream.proto.FileFault;
import io.gradstream.proto.UserError;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A file that this process maps and its child can map, too.
 *
 * @param path where the child finds it
 * @param memory the mapping, of zeros at first
 */
record MappedFile(Path path, MemorySegment memory) {
  /** Removes the name; the memory stays as long as somebody maps it. */
  void removeName() {
    try {
      Files.deleteIfExists(path);
    } catch (IOException e) {
      throw new UserError(path + ": cannot be removed: " + FileFault.of(e), e);
    }
  }
}
