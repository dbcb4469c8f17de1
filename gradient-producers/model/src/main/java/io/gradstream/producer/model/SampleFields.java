package io.gradstream.producer.model;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.gradstream.producer.data.ImageSet;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * How a batch of images lies in the memory that a worker fills for a child or a runtime: field
 * {@code image} with brightness in [0, 1], float32, batch x 1 x height x width; then a field for
 * each label, int64, batch. Little-endian, row-major, each field at a multiple of 64 bytes.
 */
public final class SampleFields {
  /** The name of the field that holds the images. */
  public static final String IMAGE = "image";

  private static final long ALIGNMENT = 64;
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final ImageSet images;
  private final int size;
  private final List<Long> labelOffsets = new ArrayList<>();
  private final long bytes;

  /**
   * @param images such as will be written
   * @param size samples of a batch at most
   */
  public SampleFields(ImageSet images, int size) {
    this.images = images;
    this.size = size;
    long end = aligned((long) size * images.height() * images.width() * Float.BYTES);
    for (int label = 0; label < images.labels().size(); label++) {
      labelOffsets.add(end);
      end = aligned(end + (long) size * Long.BYTES);
    }
    this.bytes = end;
  }

  private static long aligned(long offset) {
    return (offset + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }

  /** Bytes of a batch. */
  public long bytes() {
    return bytes;
  }

  /** Names of all fields, the images first. */
  public List<String> names() {
    return Stream.concat(Stream.of(IMAGE), images.labels().stream()).toList();
  }

  /**
   * The shape of a field.
   *
   * @param samples how many the batch has
   */
  public long[] shape(String name, int samples) {
    return name.equals(IMAGE)
        ? new long[] {samples, 1, images.height(), images.width()}
        : new long[] {samples};
  }

  /**
   * The part of a batch that holds the first samples of a field.
   *
   * @param name one of {@link #names()}
   */
  public MemorySegment slice(MemorySegment batch, String name, int samples) {
    if (name.equals(IMAGE)) {
      return batch.asSlice(0, (long) samples * images.height() * images.width() * Float.BYTES);
    }
    final long offset = labelOffsets.get(images.labels().indexOf(name));
    return batch.asSlice(offset, (long) samples * Long.BYTES);
  }

  /** Says where each field is. */
  public void describe(ArrayNode fields) {
    final ObjectNode image = fields.addObject().put("name", IMAGE).put("type", "<f4");
    image.put("offset", 0);
    image.putArray("shape").add(size).add(1).add(images.height()).add(images.width());
    for (int label = 0; label < labelOffsets.size(); label++) {
      final ObjectNode field = fields.addObject().put("name", images.labels().get(label));
      field.put("type", "<i8").put("offset", labelOffsets.get(label));
      field.putArray("shape").add(size);
    }
  }

  /**
   * Writes samples of a set, the first ones of the batch.
   *
   * @param samples at most a batch
   */
  public void write(ImageSet from, int[] samples, MemorySegment batch) {
    long at = 0;
    for (int k = 0; k < samples.length; k++) {
      for (int y = 0; y < from.height(); y++) {
        for (int x = 0; x < from.width(); x++) {
          batch.setAtIndex(FLOAT, at++, from.pixel(samples[k], y, x));
        }
      }
      for (int label = 0; label < labelOffsets.size(); label++) {
        batch.set(
            LONG, labelOffsets.get(label) + (long) k * Long.BYTES, from.label(label, samples[k]));
      }
    }
  }
}
