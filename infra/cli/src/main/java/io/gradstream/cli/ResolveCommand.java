package io.gradstream.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.io.JsonEOFException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import io.gradstream.arbitrator.offline.CaseRunner;
import io.gradstream.arbitrator.offline.GradientCase;
import io.gradstream.proto.FileFault;
import io.gradstream.proto.UserError;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code gradstream resolve}. */
@Command(
    name = "resolve",
    description = "Runs methods on gradients from a file, without a stream.",
    mixinStandardHelpOptions = true,
    footer = {
      "",
      "The file: {\"cases\": [{\"id\": \"a\", \"method\": \"gcond\", \"params\": {},",
      "  \"steps\": [{\"gradients\": [[3, -1], [-1, 1]], \"losses\": [1, 2]}]}]}",
      "Parameters are those of a run spec, unless \"variant\" names a public implementation."
    })
final class ResolveCommand implements Callable<Integer> {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int SHOWN = 8;

  @Parameters(index = "0", paramLabel = "CASES.json", description = "The cases.")
  private Path file = Path.of("");

  @Option(names = "--json", description = "Print one JSON object of the file's shape.")
  private boolean json;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws JsonProcessingException {
    final var out = spec.commandLine().getOut();
    final var answers = new ArrayList<Map<String, Object>>();
    for (final GradientCase one : read(file)) {
      final List<Map<String, Object>> steps = CaseRunner.run(one);
      if (json) {
        final var answer = new LinkedHashMap<String, Object>();
        answer.put("id", one.id());
        answer.put("steps", steps);
        answers.add(answer);
      } else {
        show(one, steps, out);
      }
    }
    if (json) {
      out.println(JSON.writeValueAsString(Map.of("cases", answers)));
    }
    out.flush();
    return 0;
  }

  /**
   * The cases of a file.
   *
   * @throws UserError if it cannot be read or is no such file
   */
  static List<GradientCase> read(Path file) {
    final @Nullable Map<String, Object> content;
    try {
      content = JSON.readValue(Files.readString(file), new TypeReference<>() {});
    } catch (MismatchedInputException e) {
      throw new UserError(file + ": must hold one JSON object with a list \"cases\"", e);
    } catch (JsonProcessingException e) {
      throw new UserError(
          "%s:%d: not JSON: %s"
              .formatted(
                  file,
                  e.getLocation().getLineNr(),
                  e instanceof JsonEOFException
                      ? "the file ends too early"
                      : "column %d is not what may stand there"
                          .formatted(e.getLocation().getColumnNr())),
          e);
    } catch (IOException e) {
      throw new UserError("cannot read " + file + ": " + FileFault.of(e), e);
    }
    if (content == null) {
      throw new UserError(file + ": must hold one JSON object with a list \"cases\"");
    }
    if (!(content.get("cases") instanceof List<?> cases)) {
      throw new UserError(file + ": has no list \"cases\"");
    }
    final var parsed = new ArrayList<GradientCase>();
    for (final Object one : cases) {
      if (!(one instanceof Map<?, ?>)) {
        throw new UserError(file + ": \"cases\" must hold objects, found " + one);
      }
      parsed.add(GradientCase.of(JSON.convertValue(one, new TypeReference<>() {})));
    }
    return parsed;
  }

  private static void show(GradientCase one, List<Map<String, Object>> steps, PrintWriter out) {
    out.printf("%s: %s %s%n", one.id(), one.method(), one.variant());
    for (int step = 0; step < steps.size(); step++) {
      out.printf("  step %d%n", step);
      steps.get(step).forEach((name, value) -> out.printf("    %-22s %s%n", name, text(value)));
    }
  }

  /** Numbers to six digits, long vectors cut short. */
  private static String text(@Nullable Object value) {
    return switch (value) {
      case double[] numbers -> {
        final var text = new StringBuilder();
        for (int i = 0; i < numbers.length && i < SHOWN; i++) {
          text.append(String.format(Locale.ROOT, "%12.6g", numbers[i]));
        }
        yield numbers.length > SHOWN
            ? text + "  ... " + numbers.length + " in all"
            : text.toString();
      }
      case double[][] rows -> {
        final var text = new StringBuilder();
        for (final double[] row : rows) {
          text.append(text.isEmpty() ? "" : "%n    %-22s ".formatted("")).append(text(row));
        }
        yield text.toString();
      }
      case int[] numbers -> Arrays.toString(numbers);
      case Double number -> String.format(Locale.ROOT, "%12.6g", number);
      case List<?> list -> String.join(" ", list.stream().map(ResolveCommand::text).toList());
      case null, default -> String.valueOf(value);
    };
  }
}
