package io.gradstream.producer.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gradstream.proto.UserError;
import io.gradstream.proto.spec.RunSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelFileTest {
  private static final String TASKS = "[{name: left, loss: given}]";

  @TempDir private Path directory;

  private static RunSpec spec(String file) {
    return TestFiles.spec("{type: onnx, file: '%s', max-file-mb: 1}".formatted(file), TASKS);
  }

  private ModelFile read(String file) throws IOException {
    final Path folder = Files.createDirectories(directory.resolve("specs"));
    return ModelFile.beside(folder.resolve("run.yaml"), spec(file));
  }

  @Test
  void itLiesBesideTheSpec() throws IOException {
    Files.createDirectories(directory.resolve("specs/models"));
    Files.writeString(directory.resolve("specs/models/net.onnx"), "graph");
    final ModelFile file = read("models/net.onnx");
    assertThat(file.content().toStringUtf8()).isEqualTo("graph");
    assertThat(file.entry().getBytes()).isEqualTo(5);
    assertThat(
            ModelFile.beside(
                directory.resolve("x.yaml"),
                TestFiles.spec("{type: mae}", "[{name: a, loss: masked-l1}]")))
        .isEqualTo(ModelFile.NONE);
  }

  @Test
  void noPathLeavesTheSpecsFolder() throws IOException {
    final Path outside = Files.writeString(directory.resolve("secret"), "key");
    Files.createDirectories(directory.resolve("specs"));
    Files.createSymbolicLink(directory.resolve("specs/link.onnx"), outside);
    refused("../secret", "lies outside the spec's folder");
    refused(outside.toString(), "lies outside the spec's folder");
    refused("link.onnx", "lies outside the spec's folder");
  }

  @Test
  void aFileThatIsMissingOrTooLargeIsRefused() throws IOException {
    refused("net.onnx", "net.onnx: no such file");
    Files.write(directory.resolve("specs/large.onnx"), new byte[(1 << 20) + 1]);
    refused("large.onnx", "2 MiB", "max-file-mb");
  }

  private void refused(String file, String... said) {
    assertThatThrownBy(() -> read(file))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("model.file")
        .hasMessageContainingAll(said);
  }
}
