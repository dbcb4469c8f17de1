package io.gradstream.chaos;

import io.gradstream.proto.spec.plugin.PluginJar;
import io.gradstream.proto.spec.plugin.Plugins;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * One {@code gradstream} command in a process of its own, with this JVM's class path, options and
 * plug-ins.
 *
 * <p>Processes of one directory share an archive of loaded classes, which the first of them that
 * ends by itself writes: a JVM that starts again then takes half the time until it works.
 *
 * <p>It ends with this process: by {@link #close()}, or by itself when this process is gone. One
 * owner, one thread.
 */
public final class CommandProcess implements AutoCloseable {
  private static final long TERMINATION_SECONDS = 40;

  private final String name;
  private final String heap;
  private final Path log;
  private final Path archive;
  private final List<String> arguments;
  private final Host host;
  private @Nullable Process process;
  private boolean paused;

  /**
   * @param name for the log file and messages
   * @param heap of its JVM, such as {@code 256m}
   * @param host where it runs; closed with it
   * @param arguments the command and its options
   */
  CommandProcess(String name, String heap, Path directory, Host host, List<String> arguments) {
    this.name = name;
    this.heap = heap;
    this.log = directory.resolve(name + ".log");
    this.archive = directory.resolve("classes.jsa");
    this.host = host;
    this.arguments = List.copyOf(arguments);
  }

  /** A process with this one's network and clock. */
  public CommandProcess(String name, String heap, Path directory, List<String> arguments) {
    this(name, heap, directory, Host.own(), arguments);
  }

  Host host() {
    return host;
  }

  String name() {
    return name;
  }

  /** The file that the process writes its standard output and error to. */
  public Path log() {
    return log;
  }

  /** Starts the process; a command that has ended can be started again. */
  public void start() {
    final var command = new ArrayList<String>(host.prefix());
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
        .filter(option -> option.startsWith("--") || option.startsWith("-Dgradstream."))
        .forEach(command::add);
    if (consistsOfJars(System.getProperty("java.class.path"))) {
      command.addAll(
          List.of(
              "-XX:+AutoCreateSharedArchive",
              "-XX:SharedArchiveFile=" + archive,
              "-Xlog:cds*=off"));
    }
    command.addAll(
        List.of(
            "-Xmx" + heap,
            "-XX:+UseSerialGC",
            "-Dgradstream.parent=" + ProcessHandle.current().pid(),
            "-cp",
            System.getProperty("java.class.path"),
            "io.gradstream.cli.Main"));
    command.addAll(arguments);
    for (final PluginJar jar : Plugins.jars()) {
      command.addAll(List.of("--plugin", jar.file().toAbsolutePath().toString()));
    }
    try {
      final var builder =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
      builder.environment().putAll(host.environment());
      process = builder.start();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot start " + name, e);
    }
    paused = false;
  }

  /** Classes from directories, as in a build's own tests, cannot be archived. */
  private static boolean consistsOfJars(String classPath) {
    return Arrays.stream(classPath.split(File.pathSeparator))
        .noneMatch(entry -> Files.isDirectory(Path.of(entry)));
  }

  boolean isAlive() {
    return process != null && process.isAlive();
  }

  boolean isPaused() {
    return paused;
  }

  /** SIGKILL; returns when the process is gone. */
  void kill() {
    if (process != null) {
      process.destroyForcibly();
      waitFor(TERMINATION_SECONDS);
    }
  }

  /** SIGTERM, and SIGKILL should it not end. */
  void terminate() {
    if (process != null) {
      resume();
      process.destroy();
      if (!waitFor(TERMINATION_SECONDS)) {
        kill();
      }
    }
  }

  /** Waits for the process to end by itself, and tells its exit code. */
  public int await() throws InterruptedException {
    if (process == null) {
      throw new IllegalStateException(name + " was not started");
    }
    return process.waitFor();
  }

  /** SIGSTOP. */
  void pause() {
    signal("-STOP");
    paused = true;
  }

  /** SIGCONT. */
  void resume() {
    if (paused) {
      signal("-CONT");
      paused = false;
    }
  }

  private void signal(String signal) {
    if (process == null) {
      return;
    }
    try {
      new ProcessBuilder("kill", signal, Long.toString(process.pid())).start().waitFor();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot signal " + name, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private boolean waitFor(long seconds) {
    try {
      return process == null || process.waitFor(seconds, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  @Override
  public void close() {
    kill();
    host.close();
  }
}
