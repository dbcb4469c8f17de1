package io.gradstream.producer.model;

import static java.util.stream.Collectors.joining;

import com.google.protobuf.ByteString;
import io.gradstream.proto.FileFault;
import io.gradstream.proto.UserError;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.message.RunRecord;
import io.gradstream.proto.run.RunDescription;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The program that this process may start for a model of type {@code process}.
 *
 * <p>It is what the person who started this process named: by a run spec in a file of theirs, or by
 * {@code --command}. What a topic says is never started, so that whoever can write to a run's
 * topics cannot run code on its workers.
 *
 * @param words the program and its arguments; empty where nobody named one
 * @param source who named it, as messages begin: {@code model.command} or {@code --command}
 */
public record ModelCommand(List<String> words, String source) {
  /** Nobody named a command. */
  public static final ModelCommand NONE = new ModelCommand(List.of(), "--command");

  public ModelCommand {
    words = List.copyOf(words);
  }

  /**
   * A command as a person types it: words separated by blanks, which quotes and backslashes keep as
   * they do in a shell. No shell is involved.
   *
   * @throws UserError if a quote is not closed, or there is no word
   */
  public static ModelCommand of(String line) {
    final var words = new ArrayList<String>();
    final var word = new StringBuilder();
    boolean inWord = false;
    char quote = 0;
    for (int i = 0; i < line.length(); i++) {
      final char c = line.charAt(i);
      if (quote == 0 && Character.isWhitespace(c)) {
        if (inWord) {
          words.add(word.toString());
        }
        word.setLength(0);
        inWord = false;
        continue;
      }
      inWord = true;
      if (c == quote) {
        quote = 0;
      } else if (quote == 0 && (c == '"' || c == '\'')) {
        quote = c;
      } else if (c == '\\' && quote != '\'' && i + 1 < line.length()) {
        word.append(line.charAt(++i));
      } else {
        word.append(c);
      }
    }
    if (quote != 0) {
      throw new UserError("--command: a quote is not closed: " + line);
    }
    if (inWord) {
      words.add(word.toString());
    }
    if (words.isEmpty()) {
      throw new UserError("--command: empty; such as --command \"python3 two_digits.py\"");
    }
    return new ModelCommand(words, "--command");
  }

  /**
   * Requires, before anything is started, that files which the command names are the run's: a
   * script, or what it is given. What is not compared here is compared once the script has said
   * what it is.
   *
   * @throws UserError if the run's record lists files and has not the bytes of one of these
   */
  public ModelCommand forRun(RunDescription run) {
    final List<RunRecord.File> known = run.provenance().getFilesList();
    for (final String word : words.subList(Math.min(1, words.size()), words.size())) {
      final ByteString digest = digest(word);
      if (!known.isEmpty()
          && !digest.isEmpty()
          && known.stream().noneMatch(file -> file.getSha256().equals(digest))) {
        throw new UserError(
            "%s: %s is not what run %s was submitted with (%s): its SHA-256 differs; nothing was started"
                .formatted(
                    source,
                    word,
                    run.spec().run(),
                    known.stream().map(RunRecord.File::getName).collect(joining(", "))));
      }
    }
    return this;
  }

  /** SHA-256 of the file that a word names; empty if it names none. */
  private static ByteString digest(String word) {
    try {
      final Path file = Path.of(word);
      return Files.isRegularFile(file)
          ? Digests.of(ByteString.copyFrom(Files.readAllBytes(file)))
          : ByteString.EMPTY;
    } catch (InvalidPathException e) {
      return ByteString.EMPTY;
    } catch (IOException e) {
      throw new UserError(word + ": " + FileFault.of(e), e);
    }
  }

  /** The line that {@link #of(String)} reads as these words. */
  public String line() {
    final var quoted = new ArrayList<String>();
    for (final String word : words) {
      quoted.add("'" + word.replace("'", "'\\''") + "'");
    }
    return String.join(" ", quoted);
  }
}
