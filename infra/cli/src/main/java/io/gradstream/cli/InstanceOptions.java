package io.gradstream.cli;

import io.gradstream.proto.UserError;
import java.nio.file.Path;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which of several instances of a service this is. */
final class InstanceOptions {
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._-]{1,100}");

  @Option(
      names = "--instance",
      paramLabel = "NAME",
      description = {
        "Tells apart several instances of the service; the same after a restart.",
        "Default: a name of its own, kept in --data-dir."
      })
  private @Nullable String instance;

  @Option(
      names = "--leave",
      description = {
        "Hands its partitions to the other instances as soon as it ends. Otherwise they are kept for",
        "its return for six seconds, which is what a restart wants."
      })
  private boolean leave;

  /** Whether the instance does not come back once it has ended. */
  boolean leaves() {
    return leave;
  }

  /**
   * Takes the name, until it is closed.
   *
   * @param role whose instance it is, such as "server"
   * @param states where the run's instances have their directories
   * @throws UserError if the name is not allowed, or another process has it
   */
  Instance take(String role, Path states) {
    if (instance == null) {
      return Instance.free(role, states);
    }
    if (!NAME.matcher(instance).matches() || instance.startsWith(".")) {
      throw new UserError(
          "--instance: \""
              + Printable.of(instance)
              + "\" is not allowed; letters, digits, inner dots and hyphens");
    }
    return Instance.named(instance, role, states);
  }
}
