package io.gradstream.cli;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Where a run's files lie on this machine.
 *
 * @param path by default {@code data/<run>} below the working directory
 */
record RunDirectory(Path path) {
  static RunDirectory of(String run, @Nullable Path chosen) {
    return new RunDirectory(chosen == null ? Path.of("data", run) : chosen);
  }

  /** The embedded broker's data. */
  Path kafka() {
    return path.resolve("kafka");
  }

  /** Where the instances of services have their directories. */
  Path states() {
    return path.resolve("state");
  }

  /** The files of a run that was forked from this one; Kafka's data are this one's. */
  RunDirectory fork(String name) {
    return new RunDirectory(path.resolve("forks").resolve(name));
  }

  Path log() {
    return path.resolve("train.log");
  }

  Path model() {
    return path.resolve("model.safetensors");
  }
}
