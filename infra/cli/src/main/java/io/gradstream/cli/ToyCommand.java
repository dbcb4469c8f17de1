package io.gradstream.cli;

import io.gradstream.cli.toy.Descent;
import io.gradstream.cli.toy.Descent.Trajectory;
import io.gradstream.cli.toy.LandscapePlot;
import io.gradstream.proto.UserError;
import io.gradstream.proto.spec.Section;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code gradstream toy}. */
@Command(
    name = "toy",
    description = "Runs methods on CAGrad's two-task landscape and draws where they go.",
    mixinStandardHelpOptions = true)
final class ToyCommand implements Callable<Integer> {
  @Option(
      names = "--method",
      split = ",",
      paramLabel = "M",
      defaultValue = "gcond",
      description = "Resolvers, with their default options (default: ${DEFAULT-VALUE}).")
  private List<String> methods = List.of();

  @Option(
      names = "--init",
      paramLabel = "K",
      description = "Which of the three starts, 1 to 3 (default: all).")
  private @Nullable Integer init;

  @Option(
      names = "--steps",
      paramLabel = "N",
      defaultValue = "100000",
      description = "Steps of Adam (default: ${DEFAULT-VALUE}).")
  private int steps;

  @Option(names = "--out", paramLabel = "FILE", description = "Where to write the picture (SVG).")
  private @Nullable Path out;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    final var print = spec.commandLine().getOut();
    final var trajectories = new ArrayList<Trajectory>();
    for (final String method : methods) {
      for (final int start : starts()) {
        final Trajectory trajectory =
            Descent.run(Section.of(method, Map.of()), Descent.STARTS.get(start), steps);
        trajectories.add(trajectory);
        print.printf(
            "%-12s start %d  end (%7.3f, %7.3f)  losses %8.3f %8.3f  mean %8.3f%n",
            method,
            start + 1,
            trajectory.end().x1(),
            trajectory.end().x2(),
            trajectory.losses()[0],
            trajectory.losses()[1],
            trajectory.meanLoss());
        print.flush();
      }
    }
    if (out != null) {
      write(out, LandscapePlot.of(trajectories));
      print.println("picture in " + out);
    }
    print.flush();
    return 0;
  }

  private int[] starts() {
    if (steps < 1) {
      throw new UserError("--steps: must be at least 1, found " + steps);
    }
    if (init == null) {
      return IntStream.range(0, Descent.STARTS.size()).toArray();
    }
    if (init < 1 || init > Descent.STARTS.size()) {
      throw new UserError("--init: must be 1, 2 or 3, found " + init);
    }
    return new int[] {init - 1};
  }

  private static void write(Path out, String svg) {
    try {
      Files.writeString(out, svg);
    } catch (IOException e) {
      throw new UserError("--out: cannot write " + out + ": " + e.getMessage(), e);
    }
  }
}
