package io.gradstream.cli;

import io.gradstream.arbitrator.resolver.MethodInfo;
import io.gradstream.arbitrator.resolver.Resolvers;
import io.gradstream.proto.UserError;
import io.gradstream.proto.spec.Catalog;
import io.gradstream.proto.spec.Parameter;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code gradstream methods}. */
@Command(
    name = "methods",
    description =
        "Lists what a run spec can name: resolvers, models, losses, ...; or explains one.",
    mixinStandardHelpOptions = true)
final class MethodsCommand implements Callable<Integer> {
  @Parameters(
      index = "0",
      arity = "0..1",
      paramLabel = "NAME",
      description = "What to explain, with its parameters; default: list all.")
  private @Nullable String name;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    final var out = spec.commandLine().getOut();
    if (name == null) {
      SpecCatalogs.all().forEach((section, catalog) -> list(section, catalog, out));
    } else {
      explain(name, out);
    }
    out.flush();
    return 0;
  }

  private static void list(String section, Catalog<?> catalog, PrintWriter out) {
    out.println(section);
    for (final String name : catalog.names()) {
      out.printf("  %-14s %s%n", name, catalog.docOf(name));
    }
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
      if (entry.getKey().equals("resolver")) {
        explain(Resolvers.infoOf(name), out);
      }
      for (final Parameter parameter : catalog.parametersOf(name)) {
        out.printf("  %-24s %s%n", parameter.key(), parameter.doc());
        out.printf("  %-24s %s%s%n", "", parameter.allowed(), defaultOf(parameter));
      }
    }
    if (!known) {
      throw new UserError("nothing is named " + name + "; list all names with: gradstream methods");
    }
  }

  private static void explain(MethodInfo info, PrintWriter out) {
    final String space = info.space().name().toLowerCase(Locale.ROOT).replace('_', ' ');
    out.printf("  from: %s; checked against: %s%n", info.paper(), info.checkedAgainst());
    out.printf(
        "  looks at: %s; remembers: %s%n",
        space, info.state().isEmpty() ? "nothing" : info.state());
  }

  private static String defaultOf(Parameter parameter) {
    if (parameter.required()) {
      return "; required";
    }
    return parameter.defaultValue().isEmpty() ? "" : "; default " + parameter.defaultValue();
  }
}
