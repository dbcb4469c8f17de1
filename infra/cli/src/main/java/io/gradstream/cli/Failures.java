package io.gradstream.cli;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.ThrowableProxy;
import io.gradstream.proto.UserError;
import java.io.PrintWriter;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * How a command fails: in one line on standard error.
 *
 * <p>A user's mistake ends with exit code 2. Anything else is a fault of Gradstream or its
 * surroundings: it ends with exit code 1, and the line says where the stack trace was written.
 */
final class Failures {
  private static final int USER_ERROR = 2;
  private static final int FAILED = 1;

  private Failures() {}

  static int wrongArguments(ParameterException e, String[] args) {
    final CommandLine command = e.getCommandLine();
    final var message =
        new StringBuilder(Printable.of(withoutJavaTypes(firstLine(e.getMessage()))));
    if (e instanceof UnmatchedArgumentException unmatched
        && !unmatched.getSuggestions().isEmpty()) {
      message.append("; did you mean ").append(unmatched.getSuggestions().getFirst()).append('?');
    }
    message.append(" (see ").append(command.getCommandSpec().qualifiedName()).append(" --help)");
    print(command.getErr(), message.toString());
    return USER_ERROR;
  }

  /** Picocli's message for a value that it cannot convert, without the names of Java's types. */
  private static String withoutJavaTypes(String message) {
    return message
        .replaceFirst(
            "^(Invalid value for .*): '(.*)' is not an? (int|long)$",
            "$1: \"$2\" is not a whole number")
        .replaceFirst(
            "^(Invalid value for .*): '(.*)' is not an? (double|float)$",
            "$1: \"$2\" is not a number")
        .replaceFirst(
            "^(Invalid value for .*): cannot convert '(.*)' to .*Path .*$",
            "$1: \"$2\" is not a path");
  }

  static int failed(Exception e, CommandLine command, ParseResult parsed) {
    if (e instanceof UserError) {
      print(command.getErr(), e.getMessage());
      return USER_ERROR;
    }
    print(command.getErr(), "failed: " + summary(e) + "; " + Logging.keepStackTrace(e));
    return FAILED;
  }

  /** Prints why Kafka is about to end this process; called on the thread that does it. */
  static void brokerDied(PrintWriter err) {
    print(
        err,
        "the Kafka broker in this process died: "
            + Logging.lastKafkaError().map(Failures::reason).orElse("it did not say why")
            + "; "
            + Logging.location());
  }

  private static String reason(ILoggingEvent error) {
    final String message =
        firstLine(error.getFormattedMessage()).replace("Encountered fatal fault: ", "");
    return error.getThrowableProxy() instanceof ThrowableProxy thrown
        ? message + ": " + summary(thrown.getThrowable())
        : message;
  }

  private static void print(PrintWriter err, @Nullable String message) {
    err.println("gradstream: " + message);
    err.flush();
  }

  private static String summary(Throwable e) {
    Throwable cause = e;
    while (cause.getCause() != null) {
      cause = cause.getCause();
    }
    final String message = cause.getMessage();
    return cause.getClass().getSimpleName() + (message == null ? "" : ": " + firstLine(message));
  }

  private static String firstLine(@Nullable String text) {
    return text == null ? "" : text.lines().findFirst().orElse("");
  }
}
