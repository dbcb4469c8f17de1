package io.gradstream.producer.model;

import com.google.protobuf.ByteString;
import io.gradstream.proto.spec.RunSpec;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Objects;

/** Model files among the test resources, and specs that train them on overlaid digits. */
public final class TestFiles {
  private TestFiles() {}

  /** A file among the resources, such as {@code torchscript/heads.pt}. */
  public static byte[] bytes(String resource) {
    try (InputStream stream =
        Objects.requireNonNull(
            TestFiles.class.getClassLoader().getResourceAsStream(resource), resource)) {
      return stream.readAllBytes();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The same as a model's file. */
  public static ModelFile file(String resource) {
    return new ModelFile(
        resource.substring(resource.lastIndexOf('/') + 1), ByteString.copyFrom(bytes(resource)));
  }

  /**
   * A spec on overlaid digits of 28 x 28 with micro-batches of four.
   *
   * @param model the section's text
   * @param tasks the list's text
   */
  public static RunSpec spec(String model, String tasks, String... overrides) {
    return RunSpec.parse(
        """
        run: test
        seed: 1
        rounds: 1
        tasks: %s
        accumulation: {batch-size: 4}
        model: %s
        data: {type: overlay, directory: 'shipped:digits', held-out: 9000, shift: 0, partners: 1}
        resolver: sum
        optimizer: sgd
        evaluation: {every: 0}
        """
            .formatted(tasks, model),
        "test.yaml",
        List.of(overrides));
  }
}
