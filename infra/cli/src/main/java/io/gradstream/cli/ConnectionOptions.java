package io.gradstream.cli;

import io.gradstream.proto.UserError;
import io.gradstream.proto.topic.Connection;
import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/**
 * How a command reaches a cluster: an address, and a file of Kafka client settings as Kafka's own
 * tools take it. Both can come from the environment, where an option does not say otherwise.
 *
 * <p>The file's values may be secrets: they reach clients, and no message, log or topic.
 */
final class ConnectionOptions {
  private static final String BOOTSTRAP_VARIABLE = "GRADSTREAM_BOOTSTRAP";
  private static final String CONFIG_VARIABLE = "GRADSTREAM_COMMAND_CONFIG";
  private static final String BOOTSTRAP_PROPERTY = "bootstrap.servers";

  @Option(
      names = "--bootstrap",
      paramLabel = "HOST:PORT",
      description = {
        "A Kafka broker, or several separated by commas;",
        "default: $GRADSTREAM_BOOTSTRAP, and without it the broker that runs in --data-dir."
      })
  private @Nullable String bootstrap;

  @Option(
      names = "--command-config",
      paramLabel = "FILE",
      description = {
        "A properties file with settings of Kafka's clients, such as those of TLS and SASL;",
        "default: $GRADSTREAM_COMMAND_CONFIG."
      })
  private @Nullable Path config;

  /**
   * The cluster that an option, the settings file or the environment names.
   *
   * @param alternative whether the command line names a broker in another way, so that the
   *     environment is not asked for an address
   * @throws UserError if the settings file cannot be read
   */
  Optional<Connection> cluster(boolean alternative) {
    final Map<String, Object> settings = settings();
    final Object named = settings.remove(BOOTSTRAP_PROPERTY);
    if (bootstrap != null) {
      return Optional.of(new Connection(bootstrap, settings));
    }
    if (alternative) {
      return Optional.empty();
    }
    return Optional.ofNullable(named == null ? environment(BOOTSTRAP_VARIABLE) : named.toString())
        .map(address -> new Connection(address, settings));
  }

  /**
   * The same, where a command needs a cluster.
   *
   * @throws UserError if nothing names one
   */
  Connection require() {
    return cluster(false)
        .orElseThrow(
            () ->
                new UserError(
                    "no Kafka broker is named; give --bootstrap HOST:PORT, or set $"
                        + BOOTSTRAP_VARIABLE));
  }

  /** A broker whose address is known otherwise, with the same settings. */
  Connection to(String address) {
    final Map<String, Object> settings = settings();
    settings.remove(BOOTSTRAP_PROPERTY);
    return new Connection(address, settings);
  }

  private Map<String, Object> settings() {
    final String variable = environment(CONFIG_VARIABLE);
    final Path file = config != null ? config : variable == null ? null : Path.of(variable);
    final var settings = new HashMap<String, Object>();
    if (file == null) {
      return settings;
    }
    final var properties = new Properties();
    try (Reader reader = Files.newBufferedReader(file)) {
      properties.load(reader);
    } catch (IOException | IllegalArgumentException e) {
      throw new UserError(
          "%s: cannot be read as a properties file%s"
              .formatted(
                  config != null ? "--command-config " + file : "$" + CONFIG_VARIABLE + " " + file,
                  Files.exists(file) ? "" : ", because it does not exist"),
          e);
    }
    properties
        .stringPropertyNames()
        .forEach(name -> settings.put(name, properties.getProperty(name)));
    return settings;
  }

  private static @Nullable String environment(String variable) {
    final String value = System.getenv(variable);
    return value == null || value.isBlank() ? null : value;
  }
}
