package io.gradstream.cli;

import static java.util.stream.Collectors.joining;

import io.gradstream.arbitrator.offline.GradientCase;
import io.gradstream.arbitrator.offline.MethodComparison;
import io.gradstream.arbitrator.offline.MethodTable;
import io.gradstream.arbitrator.resolver.MethodInfo;
import io.gradstream.arbitrator.resolver.Resolvers;
import io.gradstream.proto.UserError;
import io.gradstream.proto.spec.Catalog;
import io.gradstream.proto.spec.Nearest;
import io.gradstream.proto.spec.Parameter;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Arrays;
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

/** {@code gradstream methods}. */
@Command(
    name = "methods",
    description =
        "Lists the methods, models, losses, ... that a run spec can name, or explains " + "one.",
    mixinStandardHelpOptions = true)
final class MethodsCommand implements Callable<Integer> {
  @Parameters(
      index = "0",
      arity = "0..1",
      paramLabel = "NAME",
      description = "What to explain, with its parameters; default: list all.")
  private @Nullable String name;

  @Option(
      names = "--table",
      description =
          "Print the weights of each method for zero gradients, odd losses, ... (Markdown).")
  private boolean table;

  @Option(
      names = "--compare",
      paramLabel = "CASE.json",
      description =
          "Print all methods' answers to the gradients of a file (as resolve takes it), side by"
              + " side.")
  private @Nullable Path compare;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    final var out = spec.commandLine().getOut();
    if (table) {
      out.print(MethodTable.markdown());
    } else if (compare != null) {
      ResolveCommand.read(compare).forEach(one -> compare(one, out));
    } else if (name == null) {
      SpecCatalogs.all().forEach((section, catalog) -> list(section, catalog, out));
    } else {
      explain(name, out);
    }
    out.flush();
    return 0;
  }

  private static void compare(GradientCase one, PrintWriter out) {
    final int steps = one.steps().size();
    out.printf(
        "%s: %d tasks%s; every method with its defaults%n",
        Printable.of(one.id()),
        one.steps().getFirst().gradients().length,
        steps == 1 ? "" : ", the last of %d steps".formatted(steps));
    out.printf("  %-16s %11s %11s  %s%n", "method", "|update|", "min cosine", "weights");
    for (final MethodComparison.Row row : MethodComparison.of(one)) {
      final String weights =
          Arrays.stream(row.weights()).mapToObj(MethodsCommand::number).collect(joining(" "));
      final String note = row.note().isEmpty() ? "" : "(" + Printable.of(row.note()) + ")";
      out.printf(
          "  %-16s %11s %11s  %s%n",
          row.method(),
          number(row.norm()),
          number(row.smallestCosine()),
          (weights + " " + note).strip());
    }
  }

  /** Four significant digits; a dash where there is no number. */
  private static String number(double value) {
    return Double.isNaN(value) ? "-" : String.format(Locale.ROOT, "%.4g", value);
  }

  private static void list(String section, Catalog<?> catalog, PrintWriter out) {
    if (section.equals("resolver")) {
      for (final MethodInfo.Space space : MethodInfo.Space.values()) {
        out.printf("%s, %s (%s)%n", section, space.words(), space.cost());
        final List<String> names =
            catalog.names().stream()
                .filter(name -> Resolvers.infoOf(name).space() == space)
                .toList();
        for (final String name : names) {
          final MethodInfo info = Resolvers.infoOf(name);
          out.printf("  %-15s %s%n", name, catalog.docOf(name));
          from(catalog, name, out);
          if (!info.needs().isEmpty()) {
            out.printf("  %-15s needs %s%n", "", needs(info));
          }
        }
      }
    } else {
      out.println(section);
      list(catalog.names(), catalog, out);
    }
  }

  private static void list(List<String> names, Catalog<?> catalog, PrintWriter out) {
    for (final String name : names) {
      out.printf("  %-15s %s%n", name, catalog.docOf(name));
      from(catalog, name, out);
    }
  }

  /** Where a plug-in comes from. */
  private static void from(Catalog<?> catalog, String name, PrintWriter out) {
    catalog
        .jarOf(name)
        .ifPresent(
            jar -> out.printf("  %-15s from %s, SHA-256 %s%n", "", jar.file(), jar.sha256()));
  }

  private static void explain(String name, PrintWriter out) {
    boolean known = false;
    for (final Map.Entry<String, Catalog<?>> entry : SpecCatalogs.all().entrySet()) {
      final Catalog<?> catalog = entry.getValue();
      if (!catalog.names().contains(name)) {
        continue;
      }
      known = true;
      out.printf("%s %s: %s%n", entry.getKey(), name, catalog.docOf(name));
      from(catalog, name, out);
      if (entry.getKey().equals("resolver")) {
        explain(Resolvers.infoOf(name), out);
      }
      for (final Parameter parameter : catalog.parametersOf(name)) {
        out.printf("  %-24s %s%n", parameter.key(), parameter.doc());
        out.printf("  %-24s %s%s%n", "", parameter.allowed(), defaultOf(parameter));
      }
    }
    if (!known) {
      final List<String> all =
          SpecCatalogs.all().values().stream().flatMap(each -> each.names().stream()).toList();
      throw new UserError(
          "nothing is named \"%s\"%s; list all names with: gradstream methods"
              .formatted(
                  Printable.of(name),
                  Nearest.of(name, all).map(near -> "; did you mean " + near + "?").orElse("")));
    }
  }

  private static void explain(MethodInfo info, PrintWriter out) {
    out.printf("  from: %s; checked against: %s%n", info.paper(), info.checkedAgainst());
    out.printf(
        "  decides %s, at the cost of %s; remembers: %s%n",
        info.space().words(),
        info.space().cost(),
        info.state().isEmpty() ? "nothing" : info.state());
    out.printf("  needs: %s%n", needs(info));
  }

  /** In the order of their declaration. */
  private static String needs(MethodInfo info) {
    return info.needs().isEmpty()
        ? "nothing beside that"
        : info.needs().stream().sorted().map(MethodInfo.Need::words).collect(joining("; "));
  }

  private static String defaultOf(Parameter parameter) {
    if (parameter.required()) {
      return "; required";
    }
    return parameter.defaultValue().isEmpty() ? "" : "; default " + parameter.defaultValue();
  }
}
