package io.gradstream.producer.model.process;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.gradstream.proto.UserError;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A running child: takes a line of JSON for each command and answers with one.
 *
 * <p>Lines of its standard output that are not JSON objects, and its standard error, go to the log
 * under its name. The last lines are kept, since they mostly say why it died. A child ends when its
 * standard input does, so none outlives this process; one that does not is killed with all that it
 * started. One thread asks; two others read.
 */
final class Child implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Child.class);
  private static final JsonMapper JSON =
      JsonMapper.builder().enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS).build();
  private static final int MAX_ANSWER = 16 << 20;
  private static final int MAX_LOG_LINE = 4096;
  private static final int MAX_EARLY_ANSWERS = 16;
  private static final int KEPT_LINES = 20;
  private static final Duration END_LIMIT = Duration.ofSeconds(3);

  /** Stands for the end of the answers. */
  private static final String END = "";

  private final String name;
  private final Process process;
  private final OutputStream commands;
  private final BlockingQueue<String> answers = new LinkedBlockingQueue<>(MAX_EARLY_ANSWERS);
  private final Deque<String> lastLines = new ArrayDeque<>();
  private final Thread logReader;
  private long asked;

  private Child(String name, Process process) {
    this.name = name;
    this.process = process;
    this.commands = process.getOutputStream();
    read("answers", this::readAnswers);
    this.logReader = read("log", this::readLog);
  }

  /**
   * Starts a program.
   *
   * @param name what the log calls it
   * @param environment variables that it gets beside this process's
   * @throws UserError if there is no such program
   */
  static Child start(
      String name, List<String> command, Map<String, String> environment, String source) {
    final var builder = new ProcessBuilder(command);
    builder.environment().putAll(environment);
    try {
      return new Child(name, builder.start());
    } catch (IOException e) {
      throw new UserError(
          "%s: %s cannot be started (%s); give a program that is on the path of this process, or its full name"
              .formatted(source, command.getFirst(), reason(e)),
          e);
    }
  }

  /** What the system said; Java's message repeats the command around it. */
  private static String reason(IOException e) {
    final String message = String.valueOf(e.getMessage());
    final int open = message.lastIndexOf('(');
    final int close = message.lastIndexOf(')');
    return open >= 0 && close > open ? message.substring(open + 1, close) : message;
  }

  private Thread read(String what, Runnable reader) {
    return Thread.ofPlatform().daemon().name("child-" + what + "-" + name).start(reader);
  }

  private void readAnswers() {
    try (InputStream stream = process.getInputStream();
        var lines = new Lines(stream, MAX_ANSWER)) {
      for (String line = lines.next(); line != null; line = lines.next()) {
        if (!line.startsWith("{")) {
          say(line);
        } else if (!answers.offer(line)) {
          kill();
          return; // whoever asks next finds answers that nobody asked for
        }
      }
    } catch (IOException e) {
      LOG.debug("{} can be read no more", name, e);
    }
    answers.offer(END);
  }

  private void readLog() {
    try (InputStream stream = process.getErrorStream();
        var lines = new Lines(stream, MAX_LOG_LINE)) {
      for (String line = lines.next(); line != null; line = lines.next()) {
        say(line);
      }
    } catch (IOException e) {
      LOG.debug("{} can be read no more", name, e);
    }
  }

  private void say(String line) {
    if (line.isBlank()) {
      return;
    }
    LOG.info("{}: {}", name, line);
    synchronized (lastLines) {
      lastLines.addLast(line.strip());
      if (lastLines.size() > KEPT_LINES) {
        lastLines.removeFirst();
      }
    }
  }

  /** An empty command to fill in. */
  static ObjectNode command(String what) {
    return JSON.createObjectNode().put("do", what);
  }

  /**
   * Waits for what the child says of itself at its start.
   *
   * @throws ChildFailure if it dies before, says something else, or takes longer
   */
  JsonNode hello(Duration limit) throws ChildFailure {
    final JsonNode hello = next(limit);
    requireNoError(hello);
    if (!hello.has("gradstream")) {
      throw new ChildFailure("began with something else than what it is");
    }
    return hello;
  }

  /**
   * Has a command carried out.
   *
   * @return its answer
   * @throws ChildFailure if the child dies, answers something else, or takes longer
   */
  JsonNode ask(ObjectNode command, Duration limit) throws ChildFailure {
    if (!answers.isEmpty() && !Objects.equals(answers.peek(), END)) {
      throw new ChildFailure("answered without being asked");
    }
    final long id = ++asked;
    try {
      commands.write(
          (JSON.writeValueAsString(command.put("id", id)) + "\n").getBytes(StandardCharsets.UTF_8));
      commands.flush();
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a tree can be written", e);
    } catch (IOException e) {
      LOG.debug("{} takes no commands", name, e);
      throw ended();
    }
    final JsonNode answer = next(limit);
    if (answer.path("id").asLong(-1) != id) {
      throw new ChildFailure("answered something that was not asked");
    }
    requireNoError(answer);
    return answer;
  }

  private static void requireNoError(JsonNode answer) throws ChildFailure {
    if (answer.has("error")) {
      throw new ChildFailure("failed: " + printable(answer.path("error").asText()));
    }
  }

  private JsonNode next(Duration limit) throws ChildFailure {
    try {
      final String line = answers.poll(limit.toNanos(), TimeUnit.NANOSECONDS);
      if (line == null) {
        throw new ChildFailure("did not answer within " + limit.toSeconds() + " s" + lastWords());
      }
      if (line.equals(END)) {
        throw ended();
      }
      final JsonNode answer = JSON.readTree(line);
      if (!answer.isObject()) {
        throw new ChildFailure("answered something else than a JSON object");
      }
      return answer;
    } catch (JsonProcessingException e) {
      LOG.debug("not JSON", e);
      throw new ChildFailure("answered a line that is no JSON");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new ChildFailure("was interrupted");
    }
  }

  private ChildFailure ended() {
    try {
      if (process.waitFor(END_LIMIT.toNanos(), TimeUnit.NANOSECONDS)) {
        logReader.join(END_LIMIT);
        return new ChildFailure("ended with exit code " + process.exitValue() + lastWords());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return new ChildFailure("closed its standard output" + lastWords());
  }

  /**
   * The last line that it said, for the end of a message; what to do about it where that is known.
   */
  private String lastWords() {
    final String last;
    synchronized (lastLines) {
      last = lastLines.isEmpty() ? null : lastLines.getLast();
    }
    return last == null
        ? ", without a word"
        : "; its last words: " + printable(last) + advice(last);
  }

  private static String advice(String last) {
    if (last.contains("No module named 'gradstream'")) {
      return " (pip install ./gradient-producers/python)";
    }
    if (last.contains("No module named 'numpy'")) {
      return " (pip install numpy, or start a Python that has it)";
    }
    if (last.contains("No module named 'torch'")) {
      return " (pip install torch, or start a Python that has it)";
    }
    return "";
  }

  /** One line without control characters. */
  private static String printable(String text) {
    return text.replaceAll("\\p{Cntrl}+", " ").strip();
  }

  /** Kills it with all that it started. */
  void kill() {
    process.descendants().forEach(ProcessHandle::destroyForcibly);
    process.destroyForcibly();
  }

  /** Lets it end, and kills it if it does not. */
  @Override
  public void close() {
    try {
      commands.close();
    } catch (IOException e) {
      LOG.debug("{} takes no commands", name, e);
    }
    try {
      if (process.waitFor(END_LIMIT.toNanos(), TimeUnit.NANOSECONDS)) {
        return;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    kill();
  }
}
