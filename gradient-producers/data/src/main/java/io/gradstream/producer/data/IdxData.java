package io.gradstream.producer.data;

import io.gradstream.proto.UserError;
import io.gradstream.proto.spec.Param;
import io.gradstream.proto.spec.SpecError;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Images and labels in MNIST's file names and format, from a directory or from those that come with
 * Gradstream.
 *
 * <p>The first {@code heldOut} images of the test files ({@code t10k-...}) are held out where the
 * directory has these files, and training uses all training files. Otherwise the last {@code
 * heldOut} images of the training files are held out, and training never sees them.
 */
final class IdxData {
  /**
   * Where images in MNIST's format lie.
   *
   * @param directory a directory, or {@code shipped:digits}
   * @param heldOut how many images are kept for validation
   */
  record Options(
      @Param("directory with MNIST's files, or shipped:digits for those that come with Gradstream")
          String directory,
      @Param(
              value =
                  "images kept for validation: the first of the t10k files, else the last of the"
                      + " training files",
              defaultValue = "1000",
              min = 1,
              max = Integer.MAX_VALUE)
          int heldOut) {}

  private static final String SHIPPED = "shipped:";
  private static final String EXPECTED =
      "give a directory that has train-images-idx3-ubyte and train-labels-idx1-ubyte, plain or .gz,"
          + " or shipped:digits";

  private final String directory;

  private IdxData(String directory) {
    this.directory = directory;
  }

  /**
   * Reads the files.
   *
   * @throws SpecError when a file is missing, when images and labels differ in number, or when
   *     there are fewer images than are to be held out
   * @throws UserError when a file cannot be read or is not what it should be
   */
  static ImageData load(Options options) {
    var data = new IdxData(options.directory());
    StoredImages training = data.require("train");
    StoredImages test = data.find("t10k");
    int heldOut = options.heldOut();
    if (test == null) {
      int remaining = training.size() - heldOut;
      if (remaining < 1) {
        throw data.tooFew(heldOut, training.size() - 1);
      }
      return ImageData.of(training.range(0, remaining), training.range(remaining, training.size()));
    }
    if (test.size() < heldOut) {
      throw data.tooFew(heldOut, test.size());
    }
    if (test.height() != training.height() || test.width() != training.width()) {
      throw new SpecError(
          "directory",
          "%s: test images have another size than training images".formatted(options.directory()));
    }
    return ImageData.of(training, test.range(0, heldOut));
  }

  private SpecError tooFew(int heldOut, int available) {
    return new SpecError(
        "held-out",
        "%d images are to be held out, but %s has %d for that"
            .formatted(heldOut, directory, available));
  }

  private StoredImages require(String part) {
    StoredImages images = find(part);
    if (images == null) {
      throw new SpecError("directory", "%s: no such files: %s".formatted(directory, EXPECTED));
    }
    return images;
  }

  /** The images of a part of the data set, or null when it has no such part. */
  private @Nullable StoredImages find(String part) {
    IdxFile images = open(part + "-images-idx3-ubyte", IdxFile.IMAGES);
    if (images == null) {
      return null;
    }
    String labelsName = part + "-labels-idx1-ubyte";
    IdxFile labels = open(labelsName, IdxFile.LABELS);
    if (labels == null) {
      throw new SpecError("directory", "%s: %s is missing".formatted(directory, labelsName));
    }
    int[] lengths = images.lengths();
    if (lengths[0] != labels.lengths()[0]) {
      throw new SpecError(
          "directory",
          "%s: %d images but %d labels: the %s files do not belong together"
              .formatted(directory, lengths[0], labels.lengths()[0], part));
    }
    return new StoredImages(lengths[1], lengths[2], images.values(), labels.values());
  }

  private @Nullable IdxFile open(String name, int magic) {
    for (String candidate : new String[] {name, name + ".gz"}) {
      InputStream stream = directory.startsWith(SHIPPED) ? shipped(candidate) : file(candidate);
      if (stream != null) {
        return IdxFile.read(directory + "/" + candidate, stream, magic);
      }
    }
    return null;
  }

  private @Nullable InputStream shipped(String name) {
    return IdxData.class.getResourceAsStream(directory.substring(SHIPPED.length()) + "/" + name);
  }

  private @Nullable InputStream file(String name) {
    Path path = Path.of(directory, name);
    if (!Files.exists(path)) {
      return null;
    }
    try {
      return Files.newInputStream(path);
    } catch (IOException e) {
      throw new UserError(path + ": cannot be read: " + e.getMessage(), e);
    }
  }
}
