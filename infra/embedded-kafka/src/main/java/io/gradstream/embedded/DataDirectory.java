package io.gradstream.embedded;

import io.gradstream.proto.FileFault;
import io.gradstream.proto.UserError;
import java.io.IOException;
import java.io.Reader;
import java.io.Writer;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import java.util.Properties;
import org.apache.kafka.common.utils.internals.AppInfoParser;
import org.jspecify.annotations.Nullable;

/**
 * The directory an embedded broker lives in, held by one process at a time.
 *
 * <pre>
 *   broker.lock         locked while a broker runs, with its process id inside
 *   broker.properties   the ports of the last start
 *   log/                Kafka's own log directory
 * </pre>
 *
 * The lock is the operating system's: it ends with the process, however that ends, so a lock file
 * that was left behind never has to be removed by hand.
 */
final class DataDirectory implements AutoCloseable {
  private static final String PORT = "port";
  private static final String CONTROLLER_PORT = "controller.port";

  private final Path path;
  private final FileChannel lockChannel;

  private DataDirectory(Path path, FileChannel lockChannel) {
    this.path = path;
    this.lockChannel = lockChannel;
  }

  /**
   * Creates the directory if it is missing and takes its lock.
   *
   * @throws UserError if it cannot be created or written, or another broker holds it
   */
  static DataDirectory open(Path path) {
    final FileChannel channel;
    try {
      Files.createDirectories(path);
      channel =
          FileChannel.open(
              path.resolve("broker.lock"),
              StandardOpenOption.CREATE,
              StandardOpenOption.READ,
              StandardOpenOption.WRITE);
    } catch (IOException e) {
      throw new UserError(
          "cannot use the data directory %s: %s; choose another one that can be written"
              .formatted(path, FileFault.of(e)),
          e);
    }
    try {
      if (lock(channel) == null) {
        final String holder = readHolder(channel);
        throw new UserError(
            "another process"
                + (holder.isEmpty() ? "" : " (pid " + holder + ")")
                + " uses the data directory "
                + path
                + "; end it first or choose another directory");
      }
      writeHolder(channel);
      return new DataDirectory(path, channel);
    } catch (IOException | RuntimeException e) {
      closeQuietly(channel, e);
      if (e instanceof RuntimeException runtime) {
        throw runtime;
      }
      throw new UserError(
          "cannot use the data directory %s: %s; make room there or choose another one"
              .formatted(path, FileFault.of((IOException) e)),
          e);
    }
  }

  /** The ports of the broker that holds a directory at the moment; empty if none does. */
  static Optional<Ports> portsOfHolder(Path path) {
    final Path lock = path.resolve("broker.lock");
    if (!Files.exists(lock)) {
      return Optional.empty();
    }
    try (var channel = FileChannel.open(lock, StandardOpenOption.READ, StandardOpenOption.WRITE);
        var held = lock(channel)) {
      return held == null ? Optional.of(readPorts(path)) : Optional.empty();
    } catch (IOException e) {
      throw new UserError("cannot read the data directory " + path + " (" + e + ")", e);
    }
  }

  /**
   * Requires that this Kafka can open the directory's data.
   *
   * @throws UserError if a newer one wrote it
   */
  void refuseIfNewer() throws IOException {
    final Optional<String> unknown = FeatureLevels.unknown(log());
    if (unknown.isPresent()) {
      throw new UserError(
          "the data directory "
              + path
              + " was written by a Kafka newer than "
              + AppInfoParser.getVersion()
              + ": "
              + unknown.get()
              + "; use the Gradstream that wrote it, or choose another directory");
    }
  }

  /** Kafka's log directory. */
  Path log() {
    return path.resolve("log");
  }

  /** The ports of the last start; zeros if there was none. */
  Ports readPorts() throws IOException {
    return readPorts(path);
  }

  private static Ports readPorts(Path path) throws IOException {
    final Path file = path.resolve("broker.properties");
    if (!Files.exists(file)) {
      return Ports.NONE;
    }
    final var properties = new Properties();
    try (Reader reader = Files.newBufferedReader(file)) {
      properties.load(reader);
    }
    return new Ports(
        Integer.parseInt(properties.getProperty(PORT, "0")),
        Integer.parseInt(properties.getProperty(CONTROLLER_PORT, "0")));
  }

  void writePorts(Ports ports) throws IOException {
    final var properties = new Properties();
    properties.setProperty(PORT, Integer.toString(ports.broker()));
    properties.setProperty(CONTROLLER_PORT, Integer.toString(ports.controller()));
    try (Writer writer = Files.newBufferedWriter(path.resolve("broker.properties"))) {
      properties.store(writer, "ports of the last start");
    }
  }

  @Override
  public void close() throws IOException {
    lockChannel.close();
  }

  private static @Nullable FileLock lock(FileChannel channel) throws IOException {
    try {
      // One byte far behind the content, so that others can read who holds it (Windows locks
      // reads).
      return channel.tryLock(Long.MAX_VALUE - 1, 1, false);
    } catch (OverlappingFileLockException e) {
      return null; // a broker of this very process
    }
  }

  private static String readHolder(FileChannel channel) throws IOException {
    final ByteBuffer bytes = ByteBuffer.allocate(32);
    channel.read(bytes, 0);
    return new String(bytes.array(), 0, bytes.position(), StandardCharsets.US_ASCII).strip();
  }

  private static void writeHolder(FileChannel channel) throws IOException {
    channel.truncate(0);
    final String pid = ProcessHandle.current().pid() + "\n";
    channel.write(ByteBuffer.wrap(pid.getBytes(StandardCharsets.US_ASCII)), 0);
  }

  private static void closeQuietly(FileChannel channel, Exception cause) {
    try {
      channel.close();
    } catch (IOException e) {
      cause.addSuppressed(e);
    }
  }
}
