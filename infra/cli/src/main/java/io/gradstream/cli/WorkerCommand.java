package io.gradstream.cli;

import io.gradstream.producer.model.TaskModel;
import io.gradstream.producer.worker.Devices;
import io.gradstream.producer.worker.WorkerIdentity;
import io.gradstream.proto.UserError;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.spec.ListedKey.Role;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code gradstream worker}. */
@Command(
    name = "worker",
    description = "Runs workers: they take orders, compute gradients and publish them.",
    mixinStandardHelpOptions = true)
final class WorkerCommand extends RoleCommand {
  @Option(
      names = "--threads",
      paramLabel = "N",
      description =
          "Workers in this process, each with a model of its own; default: 1, or one a device.")
  private @Nullable Integer threads;

  @Option(
      names = "--device",
      paramLabel = "DEVICE",
      description = {
        "What to compute on: cpu, gpu:0, several with commas, or gpu:all; default: the spec's.",
        "The threads are dealt out over the devices."
      })
  private @Nullable String device;

  @Option(
      names = "--tasks",
      paramLabel = "TASK",
      split = ",",
      description =
          "The tasks to serve, separated by commas; default: all that its key may compute.")
  private List<String> tasks = List.of();

  @Mixin private KeyOptions key;

  @Mixin private CommandOptions command;

  @SuppressWarnings("UnusedVariable") // picocli acts on it
  @Mixin
  private ArithmeticOptions arithmetic;

  @Override
  String role() {
    return "worker";
  }

  @Override
  void start(Run run, RunDirectory directory, Services services) {
    final Devices devices = device == null ? null : Devices.parse(device, Devices::gpus);
    final int count = threads != null ? threads : devices == null ? 1 : devices.names().size();
    if (count < 1 || count > 1024) {
      throw new UserError("--threads: " + count + " is not possible; 1 to 1024");
    }
    final List<String> known = run.manifest().tasks();
    final Set<String> served = new LinkedHashSet<>(tasks.isEmpty() ? known : tasks);
    for (final String task : served) {
      if (!known.contains(task)) {
        throw new UserError(
            "--tasks: run " + run.spec().run() + " has no task " + task + "; it has " + known);
      }
    }
    final var signers = key.signers(run.spec(), Role.WORKER);
    final WorkerIdentity identity = WorkerIdentity.of(signers.get(Role.WORKER));
    for (final String task : tasks) {
      if (!identity.mayCompute(task, run.spec())) {
        throw new UserError(
            "--tasks: run %s lets worker %s not compute %s; leave --tasks out, and it takes what it may"
                .formatted(run.spec().run(), identity.name(), task));
      }
    }
    final Supplier<TaskModel> models =
        devices == null ? command.models(run) : devices.deal(name -> command.models(run, name));
    services.startWorkers(count, served, models, identity);
  }
}
