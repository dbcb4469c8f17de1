package io.gradstream.chaos;

import io.gradstream.chaos.Fault.Role;
import io.gradstream.producer.model.ModelCommand;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The processes of one training: an arbitrator, a server and a worker that are always there, and
 * for each a second instance that joins and leaves. The broker is not among them. One thread.
 */
final class TrainingProcesses implements AutoCloseable {
  private static final List<Role> ROLES = List.of(Role.SERVER, Role.ARBITRATOR, Role.WORKER);

  private final Map<Role, CommandProcess> first = new EnumMap<>(Role.class);
  private final Map<Role, CommandProcess> second = new EnumMap<>(Role.class);
  private int restarted;

  /**
   * @param clientSettings file with settings of the roles' Kafka clients
   * @param directory where state and logs go
   * @param workerHeap of the workers' JVMs, which hold the model
   * @param command what workers may start for the model
   * @param network where each process gets a link of its own; null without links
   */
  TrainingProcesses(
      String run,
      String bootstrap,
      Path clientSettings,
      Path directory,
      String workerHeap,
      ModelCommand command,
      @Nullable Network network) {
    for (final Role role : ROLES) {
      for (final boolean joins : new boolean[] {false, true}) {
        final String instance = joins ? "two" : "one";
        final String name = run + "-" + role.label() + "-" + instance;
        final var arguments =
            new ArrayList<>(
                List.of(
                    role.label(),
                    "--run",
                    run,
                    "--bootstrap",
                    bootstrap,
                    "--command-config",
                    clientSettings.toString(),
                    "--data-dir",
                    directory.resolve(run).toString(),
                    "--stay"));
        if (role == Role.WORKER && !command.words().isEmpty()) {
          arguments.addAll(List.of("--command", command.line()));
        }
        if (role != Role.WORKER) {
          arguments.addAll(List.of("--instance", instance));
          if (joins) {
            arguments.add("--leave");
          }
        }
        (joins ? second : first)
            .put(
                role,
                new CommandProcess(
                    name,
                    role == Role.WORKER ? workerHeap : "256m",
                    directory,
                    Host.of(directory.resolve(name + ".clock"), network),
                    arguments));
      }
    }
  }

  void start() {
    ROLES.forEach(role -> of(role).start());
  }

  /** The instance that is always there. */
  CommandProcess of(Role role) {
    final CommandProcess process = first.get(role);
    if (process == null) {
      throw new IllegalArgumentException("no " + role.label() + " in a fleet");
    }
    return process;
  }

  /** Starts the second instance of a role, or ends it. */
  void joinOrLeave(Role role) {
    final CommandProcess other = second.get(role);
    if (other == null) {
      throw new IllegalArgumentException("no " + role.label() + " in a fleet");
    }
    if (other.isAlive()) {
      other.terminate();
    } else {
      other.start();
    }
  }

  /** Starts processes again that ended by themselves, as an operator would. */
  void keepRunning() {
    for (final CommandProcess process : first.values()) {
      if (!process.isAlive()) {
        restarted++;
        process.start();
      }
    }
  }

  int restarted() {
    return restarted;
  }

  @Override
  public void close() {
    first.values().forEach(CommandProcess::close);
    second.values().forEach(CommandProcess::close);
  }
}
