package io.gradstream.cli;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.encoder.PatternLayoutEncoder;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.FileAppender;
import ch.qos.logback.core.UnsynchronizedAppenderBase;
import io.gradstream.proto.FileFault;
import io.gradstream.proto.UserError;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sets where a process logs. A role that runs on its own logs to standard error (logback.xml);
 * {@code train} shows progress there and logs to a file.
 *
 * <p>One log a process, chosen before its threads start.
 */
final class Logging {
  private static final Logger log = LoggerFactory.getLogger("io.gradstream.cli");

  /** The message without control characters: it may hold names that workers gave themselves. */
  private static final String MESSAGE = "%replace(%msg){'[\\p{Cntrl}&&[^\\t\\n]]', '?'}";

  private static volatile @Nullable Path file;

  private static final ThreadLocal<ILoggingEvent> lastKafkaError = new ThreadLocal<>();

  private Logging() {}

  /**
   * Sets up what holds for every command: repeated warnings are limited, and the last error that
   * Kafka logged on a thread is remembered.
   */
  static void begin() {
    final var context = (LoggerContext) LoggerFactory.getILoggerFactory();
    limit(context);
    keepKafkaErrors(context);
  }

  private static void keepKafkaErrors(LoggerContext context) {
    final var memory =
        new UnsynchronizedAppenderBase<ILoggingEvent>() {
          @Override
          protected void append(ILoggingEvent event) {
            if (event.getLevel() == Level.ERROR) {
              lastKafkaError.set(event);
            }
          }
        };
    memory.setContext(context);
    memory.start();
    context.getLogger("kafka").addAppender(memory);
    context.getLogger("org.apache.kafka").addAppender(memory);
  }

  /** The last error that Kafka logged on this thread. */
  static Optional<ILoggingEvent> lastKafkaError() {
    return Optional.ofNullable(lastKafkaError.get());
  }

  /** Where the log of this process is, as the end of a sentence. */
  static String location() {
    final Path path = file;
    return path == null ? "the log is above" : "the log is " + path;
  }

  /** Logs what a service does at level INFO, where no display shows it. */
  static void forService() {
    final var context = (LoggerContext) LoggerFactory.getILoggerFactory();
    context.getLogger("io.gradstream").setLevel(Level.INFO);
  }

  /**
   * Limits warnings: somebody who sends a hundred thousand bad records must not fill a disk or a
   * terminal.
   */
  private static void limit(LoggerContext context) {
    if (context.getTurboFilterList().stream().noneMatch(WarningLimit.class::isInstance)) {
      final var limit = new WarningLimit();
      limit.setContext(context);
      limit.start();
      context.addTurboFilter(limit);
    }
  }

  /**
   * Sends everything that is logged from now on to a file, appending, and Kafka's warnings too.
   *
   * @throws UserError if the file's directory cannot be created
   */
  static void toFile(Path path) {
    final Path directory = path.toAbsolutePath().getParent();
    try {
      Files.createDirectories(directory);
    } catch (IOException e) {
      throw new UserError(
          "--data-dir: cannot use "
              + directory
              + ": "
              + FileFault.of(e)
              + "; choose another directory",
          e);
    }
    final var context = (LoggerContext) LoggerFactory.getILoggerFactory();
    final var encoder = new PatternLayoutEncoder();
    encoder.setContext(context);
    encoder.setPattern("%d{ISO8601} %-5level [%thread] %logger{30} " + MESSAGE + "%n");
    encoder.start();
    final var appender = new FileAppender<ILoggingEvent>();
    appender.setContext(context);
    appender.setName("file");
    appender.setFile(path.toString());
    appender.setEncoder(encoder);
    appender.start();
    final var root = context.getLogger(Logger.ROOT_LOGGER_NAME);
    root.detachAndStopAllAppenders();
    root.addAppender(appender);
    root.setLevel(Level.WARN);
    forService();
    context.getLogger("org.apache.kafka").setLevel(Level.WARN);
    file = path;
  }

  /**
   * Keeps an unexpected exception's stack trace.
   *
   * @return where it is, as the end of a sentence
   */
  static String keepStackTrace(Exception e) {
    if (file != null) {
      log.error("the command failed", e);
      return location();
    }
    try {
      final Path trace = Files.createTempFile("gradstream-", ".log");
      try (var writer = new PrintWriter(trace.toFile(), StandardCharsets.UTF_8)) {
        e.printStackTrace(writer);
      }
      return "details are in " + trace;
    } catch (IOException unwritable) {
      log.error("the command failed", e);
      return "details are above";
    }
  }
}
