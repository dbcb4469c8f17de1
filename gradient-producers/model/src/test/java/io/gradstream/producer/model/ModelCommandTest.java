package io.gradstream.producer.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.gradstream.proto.UserError;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.TensorShape;
import io.gradstream.proto.message.RunRecord;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.spec.RunSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ModelCommandTest {
  @TempDir private Path directory;

  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '`',
      textBlock =
          """
          python3 two_digits.py,                 python3|two_digits.py
          python3 'my script.py'  -x,            python3|my script.py|-x
          "python3" a\\ b "it's" '',              python3|a b|it's|
          """)
  void wordsAreThoseOfAShell(String line, String words) {
    final ModelCommand command = ModelCommand.of(line);
    assertThat(String.join("|", command.words())).isEqualTo(words);
    assertThat(ModelCommand.of(command.line()).words()).isEqualTo(command.words());
  }

  @ParameterizedTest
  @ValueSource(strings = {"  ", "python3 'a", "\"python3"})
  void lineWithoutWordsOrWithAnOpenQuoteIsRefused(String line) {
    assertThatThrownBy(() -> ModelCommand.of(line)).isInstanceOf(UserError.class);
  }

  @Test
  void anotherScriptThanTheRunsIsNotStarted() throws IOException {
    final Path script = Files.writeString(directory.resolve("net.py"), "print()");
    final var command = ModelCommand.of("python3 '" + script + "' --fast");
    final ByteString same = ByteString.copyFromUtf8("print()");
    assertThat(command.forRun(run(same))).isEqualTo(command);
    assertThatThrownBy(() -> command.forRun(run(ByteString.copyFromUtf8("print(1)"))))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("net.py is not what run r was submitted with (net.py)")
        .hasMessageContaining("nothing was started");
  }

  private static RunDescription run(ByteString script) {
    final RunSpec spec =
        RunSpec.parse(
            """
            run: r
            rounds: 1
            tasks: [{name: a, loss: given}]
            model: {type: process, command: [python3, net.py]}
            resolver: sum
            optimizer: {type: sgd, learning-rate: 0.1}
            """,
            "spec",
            List.of());
    final var manifest =
        Manifest.of(
            List.of("a"), List.of(new TensorShape("w", new long[] {2}, TensorShape.SHARED)), 8, 1);
    final var file = RunRecord.File.newBuilder().setName("net.py").setSha256(Digests.of(script));
    return RunDescription.of(spec, manifest, RunRecord.newBuilder().addFiles(file).build());
  }
}
