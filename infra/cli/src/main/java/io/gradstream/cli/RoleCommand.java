package io.gradstream.cli;

import io.gradstream.proto.run.Run;
import java.time.Duration;
import java.util.concurrent.Callable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Mixin;

/** A command that runs one of a run's services until it is interrupted. */
abstract class RoleCommand implements Callable<Integer> {
  private static final Logger log = LoggerFactory.getLogger(RoleCommand.class);

  private static final Duration LOOK = Duration.ofMillis(500);

  @Mixin private RunOptions options;

  /** Starts what the command is for. */
  abstract void start(Run run, RunDirectory directory, Services services);

  @Override
  public final Integer call() {
    try (var stop = new StopSignal();
        var services = startServices()) {
      while (!stop.await(LOOK)) {
        services.requireRunning();
      }
    }
    return 0;
  }

  private Services startServices() {
    Logs.ofService();
    final Run run = options.find();
    final var services = new Services(run);
    try {
      start(run, options.directory(), services);
    } catch (RuntimeException e) {
      services.close();
      throw e;
    }
    log.info("works for run {} at {}", run.spec().run(), run.connection().bootstrap());
    return services;
  }
}
