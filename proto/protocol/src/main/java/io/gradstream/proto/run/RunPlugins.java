package io.gradstream.proto.run;

import com.google.protobuf.ByteString;
import io.gradstream.proto.UserError;
import io.gradstream.proto.message.RunRecord;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.spec.Section;
import io.gradstream.proto.spec.TaskSpec;
import io.gradstream.proto.spec.plugin.PluginJar;
import io.gradstream.proto.spec.plugin.Plugins;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The plug-ins that a run uses, in its record and in this process.
 *
 * <p>A jar decides bits as a script does. Whoever submits a run writes down the SHA-256 of the jars
 * that give names of its spec; whoever computes for the run must have the same bytes for the names
 * that it uses itself. A jar that a record names is never loaded because of that.
 */
public final class RunPlugins {
  /** What workers and evaluators read of a spec. */
  public static final Set<String> PRODUCER = Set.of("model", "data", "tasks.loss");

  /** What an arbitrator reads of it. */
  public static final Set<String> ARBITRATOR = Set.of("resolver", "calibrator");

  /** What a parameter server reads of it. */
  public static final Set<String> SERVER = Set.of("optimizer");

  private RunPlugins() {}

  /** What a run's record says of the plug-ins that this process has and the spec names. */
  static List<RunRecord.Plugin> usedBy(RunSpec spec) {
    final Map<PluginJar, RunRecord.Plugin.Builder> jars = new LinkedHashMap<>();
    for (final Named named : names(spec)) {
      Plugins.giving(named.section(), named.kind())
          .ifPresent(
              loaded ->
                  jars.computeIfAbsent(
                          loaded.jar(), jar -> RunRecord.Plugin.newBuilder().setJar(entry(jar)))
                      .addGives(loaded.gives()));
    }
    return jars.values().stream().map(RunRecord.Plugin.Builder::build).toList();
  }

  /**
   * Requires that names of the spec mean here what they meant where the run was submitted.
   *
   * @param sections the keys of the spec whose names this process uses
   * @throws UserError that names the jar which is missing, differs, or is one too many
   */
  @SafeVarargs
  public static void require(RunDescription run, Set<String>... sections) {
    for (final Named named : names(run.spec())) {
      if (Stream.of(sections).anyMatch(some -> some.contains(named.section()))) {
        require(run, named);
      }
    }
  }

  private static void require(RunDescription run, Named named) {
    final String gives = named.section() + " " + named.kind();
    final RunRecord.File there =
        run.plugins().stream()
            .filter(plugin -> plugin.getGivesList().contains(gives))
            .map(RunRecord.Plugin::getJar)
            .findFirst()
            .orElse(RunRecord.File.getDefaultInstance());
    final PluginJar here =
        Plugins.giving(named.section(), named.kind()).map(Plugins.Loaded::jar).orElse(null);
    final String name = run.spec().run();
    if (here == null && !there.getSha256().isEmpty()) {
      throw new UserError(
          "run %s has its %s from the plug-in %s (SHA-256 %s), which this process has not; start it with --plugin and that file"
              .formatted(name, gives, there.getName(), hex(there.getSha256())));
    }
    if (here != null && there.getSha256().isEmpty()) {
      throw here.error(
          "gives %s, and run %s was submitted without this plug-in; leave it out"
              .formatted(gives, name));
    }
    if (here != null && !there.getSha256().equals(entry(here).getSha256())) {
      throw here.error(
          "run %s was submitted with another jar for its %s: %s, SHA-256 %s there, %s here; get the run's own, or submit this one under another name"
              .formatted(
                  name,
                  gives,
                  there.getName(),
                  hex(there.getSha256()),
                  hex(entry(here).getSha256())));
    }
  }

  /** A key of the spec with what it names. */
  private record Named(String section, String kind) {
    Named(String section, Section named) {
      this(section, named.kind());
    }
  }

  private static Set<Named> names(RunSpec spec) {
    final Set<Named> names = new LinkedHashSet<>();
    for (final TaskSpec task : spec.tasks()) {
      names.add(new Named("tasks.loss", task.loss()));
      if (task.data() != null) {
        names.add(new Named("data", task.data()));
      }
    }
    names.add(new Named("model", spec.model()));
    names.add(new Named("data", spec.data()));
    names.add(new Named("resolver", spec.resolver()));
    names.add(new Named("calibrator", spec.calibrator()));
    names.add(new Named("optimizer", spec.optimizer()));
    return names;
  }

  private static RunRecord.File entry(PluginJar jar) {
    return RunRecord.File.newBuilder()
        .setName(jar.name())
        .setBytes(jar.bytes())
        .setSha256(ByteString.copyFrom(HexFormat.of().parseHex(jar.sha256())))
        .build();
  }

  private static String hex(ByteString digest) {
    return HexFormat.of().formatHex(digest.toByteArray());
  }
}
