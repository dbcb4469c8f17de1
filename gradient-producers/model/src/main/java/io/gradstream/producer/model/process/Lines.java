package io.gradstream.producer.model.process;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * Lines of a stream that somebody else writes: one of any length costs no more memory than the
 * limit, and what is beyond it is left out.
 */
final class Lines implements AutoCloseable {
  private final InputStream stream;
  private final int limit;

  /**
   * @param limit bytes of a line that are kept
   */
  Lines(InputStream stream, int limit) {
    this.stream = new BufferedInputStream(stream);
    this.limit = limit;
  }

  /** The next line without its end, or null after the last. */
  @Nullable String next() throws IOException {
    final var line = new ByteArrayOutputStream();
    int next = stream.read();
    if (next < 0) {
      return null;
    }
    for (; next >= 0 && next != '\n'; next = stream.read()) {
      if (line.size() < limit) {
        line.write(next);
      }
    }
    return line.toString(StandardCharsets.UTF_8).stripTrailing();
  }

  @Override
  public void close() throws IOException {
    stream.close();
  }
}
