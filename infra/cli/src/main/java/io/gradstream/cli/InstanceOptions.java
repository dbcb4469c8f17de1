package io.gradstream.cli;

import io.gradstream.proto.UserError;
import java.net.InetAddress;
import java.net.UnknownHostException;
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
        "Default: this machine's name."
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

  String name() {
    final String name = instance != null ? instance : hostName();
    if (!NAME.matcher(name).matches()) {
      throw new UserError(
          "--instance: \"" + name + "\" is not allowed; letters, digits, dots and hyphens");
    }
    return name;
  }

  private static String hostName() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return "localhost";
    }
  }
}
