package io.gradstream.cli;

import io.gradstream.proto.UserError;
import io.gradstream.proto.run.Run;
import java.time.Duration;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * A command that runs one of a run's services until the run is finished or somebody interrupts it.
 */
abstract class RoleCommand implements Callable<Integer> {
  private static final Logger log = LoggerFactory.getLogger(RoleCommand.class);

  private static final Duration POLL_INTERVAL = Duration.ofMillis(500);
  private static final Duration RUN_POLL_INTERVAL = Duration.ofSeconds(1);
  private static final int INTERRUPTED = 130;

  @Mixin private RunOptions options;

  @Option(
      names = "--wait",
      description = "Wait for the broker and the run, where they are not there yet.")
  private boolean waits;

  @Option(
      names = "--stay",
      description = "Stay when the run is finished; otherwise the service ends with it.")
  private boolean stays;

  /** The service's name, for its log: "worker", "server". */
  abstract String role();

  /** Starts what the command is for. */
  abstract void start(Run run, RunDirectory directory, Services services);

  /** Whether the service's part in the run is done, given that the last weights are published. */
  boolean isDone(Services services) {
    return true;
  }

  @Override
  public final Integer call() {
    Logging.forService();
    try (var stop = new StopSignal()) {
      final Run run = find(stop);
      if (run == null) {
        return INTERRUPTED;
      }
      final String name = "the %s of run %s".formatted(role(), run.spec().run());
      try (var watch = new RunWatch(run, role());
          var services = new Services(run)) {
        start(run, options.directory(), services);
        log.info("{} is at work; Kafka is at {}", name, run.connection().bootstrap());
        while (!stop.await(POLL_INTERVAL)) {
          services.keepRunning();
          if (!stays && watch.isOver() && isDone(services)) {
            log.info(
                "{} ends because all {} rounds are done; with --stay it would go on",
                name,
                run.spec().rounds());
            return 0;
          }
        }
        log.info("{} ends because it was told to", name);
      }
    }
    return 0;
  }

  /** The run, or null if somebody interrupted the wait for it. */
  private @Nullable Run find(StopSignal stop) {
    boolean told = false;
    while (true) {
      try {
        return options.find();
      } catch (UserError e) {
        if (!waits) {
          throw e;
        }
        if (!told) {
          log.info("the {} of run {} waits: {}", role(), options.name(), e.getMessage());
          told = true;
        }
      }
      if (stop.await(RUN_POLL_INTERVAL)) {
        return null;
      }
    }
  }
}
