package io.gradstream.producer.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.gradstream.proto.UserError;
import io.gradstream.proto.spec.Section;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class IdxDataTest {
  @TempDir Path directory;

  @Test
  void shippedDigitsAreTenThousandOfAllClasses() {
    ImageData digits = load("shipped:digits", 1000);
    assertThat(digits.training().size()).isEqualTo(9000);
    assertThat(digits.heldOut().size()).isEqualTo(1000);
    assertThat(digits.training().height()).isEqualTo(28);
    assertThat(digits.training().width()).isEqualTo(28);
    assertThat(
            IntStream.range(0, 1000)
                .map(image -> digits.heldOut().label(0, image))
                .distinct()
                .count())
        .isEqualTo(10);
    // MNIST's well-known mean and standard deviation.
    assertThat(digits.mean()).isCloseTo(0.1307f, within(0.002f));
    assertThat(digits.deviation()).isCloseTo(0.3081f, within(0.002f));
  }

  @Test
  void lastTrainingImagesAreHeldOut() throws IOException {
    write("train", 5, 5);
    ImageData data = load(directory.toString(), 2);
    assertThat(data.training().size()).isEqualTo(3);
    assertThat(data.heldOut().label(0, 0)).isEqualTo(3);
    assertThat(data.heldOut().pixel(1, 1, 0)).isEqualTo(42 / 255f);
  }

  @Test
  void testFilesAreHeldOutWhereTheyExistAndGzipIsRead() throws IOException {
    write("train", 5, 5);
    write("t10k", 4, 4);
    gzip("train-images-idx3-ubyte");
    gzip("t10k-labels-idx1-ubyte");
    ImageData data = load(directory.toString(), 2);
    assertThat(data.training().size()).isEqualTo(5);
    assertThat(data.heldOut().label(0, 0)).isEqualTo(0);
    assertThat(data.heldOut().size()).isEqualTo(2);
  }

  @Test
  void missingDirectoryNamesWhatIsExpected() {
    refused("directory", "/nowhere", "train-images-idx3-ubyte", "shipped:digits");
  }

  @Test
  void differentCountsAreRefused() throws IOException {
    write("train", 5, 4);
    refused("5 images but 4 labels");
  }

  @Test
  void missingLabelsAreNamed() throws IOException {
    write("train", 5, 5);
    Files.delete(directory.resolve("train-labels-idx1-ubyte"));
    refused("train-labels-idx1-ubyte is missing");
  }

  @Test
  void tooFewImagesToHoldOutAreRefused() throws IOException {
    write("train", 2, 2);
    refused("held-out", "2 images");
  }

  @Test
  void anotherFormatIsRefused() throws IOException {
    write("train", 5, 5);
    Files.writeString(directory.resolve("train-images-idx3-ubyte"), "not an idx file");
    refused("train-images-idx3-ubyte", "magic number 0x00000803 expected");
  }

  @Test
  void aFileThatIsCutShortIsRefused() throws IOException {
    write("train", 5, 5);
    Path images = directory.resolve("train-images-idx3-ubyte");
    byte[] all = Files.readAllBytes(images);
    Files.write(images, Arrays.copyOf(all, all.length - 1));
    refused("train-images-idx3-ubyte", "20 bytes after the header expected, 19 found");
    Files.write(images, Arrays.copyOf(all, 9));
    refused("train-images-idx3-ubyte", "cut short");
  }

  private void refused(String... said) {
    String where = said[0].equals("directory") ? said[1] : directory.toString();
    assertThatThrownBy(() -> load(where, 2))
        .isInstanceOf(UserError.class)
        .hasMessageContainingAll(said);
  }

  private static ImageData load(String directory, int heldOut) {
    return DataSources.CATALOG.create(
        Section.of("idx", Map.of("directory", directory, "held-out", heldOut)));
  }

  /** Images of 2 x 2 whose pixels all are ten times their label and two more. */
  private void write(String part, int images, int labels) throws IOException {
    var pixels = new ByteArrayOutputStream();
    var file = new DataOutputStream(pixels);
    for (int header : new int[] {0x803, images, 2, 2}) {
      file.writeInt(header);
    }
    for (int pixel = 0; pixel < images * 4; pixel++) {
      file.writeByte(pixel / 4 * 10 + 2);
    }
    Files.write(directory.resolve(part + "-images-idx3-ubyte"), pixels.toByteArray());
    var classes = new ByteArrayOutputStream();
    file = new DataOutputStream(classes);
    file.writeInt(0x801);
    file.writeInt(labels);
    for (int label = 0; label < labels; label++) {
      file.writeByte(label);
    }
    Files.write(directory.resolve(part + "-labels-idx1-ubyte"), classes.toByteArray());
  }

  private void gzip(String name) throws IOException {
    Path plain = directory.resolve(name);
    try (var out = new GZIPOutputStream(Files.newOutputStream(directory.resolve(name + ".gz")))) {
      Files.copy(plain, out);
    }
    Files.delete(plain);
  }
}
