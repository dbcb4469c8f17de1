package io.gradstream.cli;

import io.gradstream.audit.lineage.Lineage;
import io.gradstream.cli.evidence.LineageText;
import io.gradstream.proto.UserError;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code gradstream lineage}; its {@code --version} is that of the weights. */
@Command(
    name = "lineage",
    description = {
      "Lists what went into a version of the weights, down to single records.",
      "The records are checked against the digests that they name of each other."
    },
    exitCodeListHeading = "Exit codes:%n",
    exitCodeList = {
      "0:all records are what they say",
      "1:some record is not",
      "2:the version cannot be traced"
    })
final class LineageCommand implements Callable<Integer> {
  private static final int FINDING = 1;

  @Mixin private LogOptions options;

  @Option(
      names = "--version",
      required = true,
      paramLabel = "N",
      description = "The weights' version: that many rounds are behind it.")
  private long version;

  @Option(names = "--tensor", paramLabel = "NAME", description = "Only what went into this tensor.")
  private @Nullable String tensor;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this help message and exit.")
  @SuppressWarnings("UnusedVariable") // picocli acts on it
  private boolean help;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    if (version < 0) {
      throw new UserError("--version: " + version + " is no version; the first is 0");
    }
    try (var open = options.open()) {
      final var out = spec.commandLine().getOut();
      final var told = LineageText.of(open.log().run(), new Lineage(open.log()), version, tensor);
      out.println(told.text());
      out.flush();
      return told.whole() ? 0 : FINDING;
    }
  }
}
