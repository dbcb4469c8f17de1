package io.gradstream.cli;

import io.gradstream.proto.FileFault;
import io.gradstream.proto.UserError;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.SecureRandom;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/**
 * One of several instances of a service, with its name in the group and its directory.
 *
 * <p>A name belongs to one process at a time: a second one under the same name would throw the
 * first out of the group. So an instance locks the directory of its name until it ends. Without a
 * given name it takes the first that is free below the run's directory. After a restart that is the
 * name it had, whose partitions are still kept for it.
 *
 * @param name in the group, unique on all machines
 * @param state where Kafka Streams keeps its bookkeeping
 */
record Instance(String name, Path state, FileChannel lock) implements AutoCloseable {
  private static final int MAX_INSTANCES = 1000;

  /**
   * Takes a name that the user gave.
   *
   * @throws UserError if another process of this machine works under it
   */
  static Instance named(String name, String role, Path states) {
    final Path state = states.resolve(role + "-" + name);
    final FileChannel lock = lock(state);
    if (lock == null) {
      throw new UserError(
          "--instance: another %s works as %s on this machine; give this one another name"
              .formatted(role, name));
    }
    return new Instance(name, state, lock);
  }

  /** Takes the first name that is free. */
  static Instance free(String role, Path states) {
    for (int number = 1; number <= MAX_INSTANCES; number++) {
      final Path state = states.resolve(role + "-" + number);
      final FileChannel lock = lock(state);
      if (lock != null) {
        return new Instance(nameIn(state, number), state, lock);
      }
    }
    throw new UserError(
        "%d instances work below %s; give --instance NAME".formatted(MAX_INSTANCES, states));
  }

  private static @Nullable FileChannel lock(Path state) {
    try {
      Files.createDirectories(state);
      final FileChannel channel =
          FileChannel.open(
              state.resolve("instance.lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      try {
        if (channel.tryLock() != null) {
          return channel;
        }
      } catch (OverlappingFileLockException anotherOfThisProcess) {
        // Another instance in this process has it.
      }
      channel.close();
      return null;
    } catch (IOException e) {
      throw new UserError(
          "--data-dir: cannot use %s: %s; choose a directory that can be written"
              .formatted(state, FileFault.of(e)),
          e);
    }
  }

  /** The name that was given to a directory when it was first used. */
  private static String nameIn(Path state, int number) {
    final Path file = state.resolve("instance.name");
    try {
      if (Files.exists(file)) {
        return Files.readString(file).strip();
      }
      final var suffix = new byte[3];
      new SecureRandom().nextBytes(suffix);
      final String name = hostName() + "-" + number + "-" + HexFormat.of().formatHex(suffix);
      Files.writeString(file, name + "\n");
      return name;
    } catch (IOException e) {
      throw new UserError(
          "--data-dir: cannot use %s: %s; choose a directory that can be written"
              .formatted(file, FileFault.of(e)),
          e);
    }
  }

  private static String hostName() {
    try {
      final String host = InetAddress.getLocalHost().getHostName().replaceAll("[^A-Za-z0-9.-]", "");
      return host.substring(0, Math.min(60, host.length()));
    } catch (UnknownHostException e) {
      return "localhost";
    }
  }

  @Override
  public void close() {
    try {
      lock.close();
    } catch (IOException e) {
      throw new IllegalStateException("cannot unlock " + state, e);
    }
  }
}
