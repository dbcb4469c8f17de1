package io.gradstream.cli;

import io.gradstream.benchmarks.BenchCommand;
import io.gradstream.embedded.EmbeddedKafka;
import io.gradstream.proto.UserError;
import io.gradstream.proto.spec.plugin.Plugins;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExecutionException;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** {@code gradstream}: runs one command and ends with its exit code. */
@Command(
    name = "gradstream",
    description = "Trains one model on many losses at once, as a stream on Apache Kafka.",
    mixinStandardHelpOptions = true,
    version = "gradstream 0.1.0",
    synopsisSubcommandLabel = "COMMAND",
    footer = {"", "Start here:  gradstream train infra/runs/digits-mae.yaml"},
    subcommands = {
      TrainCommand.class,
      SubmitCommand.class,
      WorkerCommand.class,
      ArbitratorCommand.class,
      ServerCommand.class,
      EvaluatorCommand.class,
      StatusCommand.class,
      WaitCommand.class,
      DeleteCommand.class,
      DeadLettersCommand.class,
      AuditCommand.class,
      ExplainCommand.class,
      LineageCommand.class,
      ExportCommand.class,
      ArchiveCommand.class,
      RestoreCommand.class,
      ReplayCommand.class,
      ForkCommand.class,
      ChaosCommand.class,
      BenchCommand.class,
      BrokerCommand.class,
      KeysCommand.class,
      MethodsCommand.class,
      ArithmeticCommand.class,
      BundleCommand.class,
      ResolveCommand.class,
      ToyCommand.class,
      SchemaCommand.class,
      Main.Completion.class,
    })
public final class Main implements Runnable {
  @Spec private CommandSpec spec;

  @Option(
      names = "--plugin",
      paramLabel = "JAR",
      scope = ScopeType.INHERIT,
      description =
          "A jar with methods, models or losses of your own, for specs to name; may be repeated.")
  private List<Path> plugins = List.of();

  /** Instantiated by picocli. */
  Main() {}

  public static void main(String[] args) {
    endWithParent();
    final PrintWriter err = utf8(System.err);
    Logging.begin();
    EmbeddedKafka.onFatalFault(() -> Failures.brokerDied(err));
    System.exit(run(utf8(System.out), err, args));
  }

  /** A process that another command started ends when that one is gone, however it went. */
  private static void endWithParent() {
    final Long parent = Long.getLong("gradstream.parent");
    if (parent != null) {
      ProcessHandle.of(parent)
          .ifPresentOrElse(
              process -> {
                final var _ = process.onExit().thenRun(() -> Runtime.getRuntime().halt(1));
              },
              () -> Runtime.getRuntime().halt(1));
    }
  }

  /**
   * Runs one command.
   *
   * @return 0, or 2 after a user's mistake, or 1 after anything else that failed
   */
  static int run(PrintWriter out, PrintWriter err, String... args) {
    final var main = new Main();
    return new CommandLine(main)
        .setOut(out)
        .setErr(err)
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setUsageHelpAutoWidth(true)
        .setParameterExceptionHandler(Failures::wrongArguments)
        .setExecutionExceptionHandler(Failures::failed)
        .setExecutionStrategy(
            parsed -> {
              main.loadPlugins(parsed);
              return new CommandLine.RunLast().execute(parsed);
            })
        .execute(args);
  }

  /** Before anything else, since every command may read a spec that names what they give. */
  private void loadPlugins(ParseResult parsed) {
    if (plugins.isEmpty()) {
      return;
    }
    try {
      Plugins.load(plugins);
      SpecCatalogs.requireUsable();
    } catch (UserError e) {
      throw new ExecutionException(parsed.commandSpec().commandLine(), "plug-ins", e);
    }
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "a command is missing");
  }

  private static PrintWriter utf8(java.io.PrintStream stream) {
    return new PrintWriter(stream, true, StandardCharsets.UTF_8);
  }

  /** {@code gradstream completion}. */
  @Command(
      name = "completion",
      description = "Prints a completion script for bash and zsh.",
      mixinStandardHelpOptions = true,
      footer = {"", "Use it with:  source <(gradstream completion)"})
  static final class Completion implements Runnable {
    @Spec private CommandSpec spec;

    @Override
    public void run() {
      final CommandLine root = spec.root().commandLine();
      root.getOut().print(AutoComplete.bash(root.getCommandName(), root));
      root.getOut().flush();
    }
  }
}
