package io.gradstream.chaos;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What a process has around it that can fail: a network link and a wall clock. Each is there where
 * the machine allows it: links need {@link Network}, clocks the library libfaketime. One thread.
 */
final class Host implements AutoCloseable {
  private static final List<Path> CLOCK_LIBRARIES =
      List.of(
          Path.of("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"),
          Path.of("/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1"),
          Path.of("/usr/lib/faketime/libfaketimeMT.so.1"));

  private final Network.@Nullable Link link;
  private final @Nullable Path clock;

  private Host(Network.@Nullable Link link, @Nullable Path clock) {
    this.link = link;
    this.clock = clock;
    setClock(Duration.ZERO);
  }

  /** This process's own network and clock, which nothing happens to. */
  static Host own() {
    return new Host(null, null);
  }

  /**
   * A host whose clock and link can be disturbed, as far as the machine allows it.
   *
   * @param clock the file that says what its clock shows
   * @param network where its link is from; null for one that shares this process's network
   */
  static Host of(Path clock, @Nullable Network network) {
    return new Host(
        network == null ? null : network.link(), clockLibrary().isPresent() ? clock : null);
  }

  /** Whether wall clocks of processes can be moved here. */
  static Optional<Path> clockLibrary() {
    return CLOCK_LIBRARIES.stream().filter(Files::exists).findFirst();
  }

  List<String> prefix() {
    return link == null ? List.of() : link.prefix();
  }

  /** Variables that a process on this host has to be started with. */
  Map<String, String> environment() {
    if (clock == null) {
      return Map.of();
    }
    return Map.of(
        "LD_PRELOAD", clockLibrary().orElseThrow().toString(),
        "FAKETIME_TIMESTAMP_FILE", clock.toString(),
        "FAKETIME_CACHE_DURATION", "1",
        "FAKETIME_DONT_FAKE_MONOTONIC", "1",
        "DONT_FAKE_MONOTONIC", "1",
        // Without this, timed waits return at once and processes spin.
        "FAKETIME_FORCE_MONOTONIC_FIX", "0");
  }

  /** Takes the link down or up; does nothing without one. */
  void setLink(boolean up) {
    if (link != null) {
      if (up) {
        link.up();
      } else {
        link.down();
      }
    }
  }

  /** Moves the wall clock so far from the true time; running processes see it within a second. */
  void setClock(Duration offset) {
    if (clock != null) {
      try {
        Files.writeString(clock, "%+d%n".formatted(offset.toSeconds()));
      } catch (IOException e) {
        throw new UncheckedIOException("cannot move a clock", e);
      }
    }
  }

  @Override
  public void close() {
    if (link != null) {
      link.close();
    }
  }
}
