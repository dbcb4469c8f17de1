package io.gradstream.submission.weights;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.protobuf.ByteString;
import io.gradstream.proto.FileFault;
import io.gradstream.proto.UserError;
import io.gradstream.proto.evidence.Digests;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * A safetensors file that somebody else wrote, looked over before a value is read.
 *
 * <p>Nothing in it is believed: the header's length is compared with the file's before memory is
 * taken for it, and each tensor has as many bytes as its type and shape say, behind those of the
 * one before and before those of the next, up to the end of the file. The values stay in the file,
 * which is mapped.
 *
 * @param sha256 of the whole file
 * @param tensors by name, in the file's order
 */
record SafetensorsFile(
    Path file, MemorySegment content, ByteString sha256, Map<String, Stored> tensors) {
  /** The format's own limit. */
  private static final long MAX_HEADER = 100_000_000;

  private static final ValueLayout.OfLong LENGTH =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final ObjectMapper JSON =
      new ObjectMapper().enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION);

  /** Types by the format's names; those of one value in less than a byte are not known. */
  private static final Map<String, Integer> BYTES =
      Map.ofEntries(
          Map.entry("BOOL", 1),
          Map.entry("U8", 1),
          Map.entry("I8", 1),
          Map.entry("F8_E5M2", 1),
          Map.entry("F8_E4M3", 1),
          Map.entry("F8_E8M0", 1),
          Map.entry("I16", 2),
          Map.entry("U16", 2),
          Map.entry("F16", 2),
          Map.entry("BF16", 2),
          Map.entry("I32", 4),
          Map.entry("U32", 4),
          Map.entry("F32", 4),
          Map.entry("I64", 8),
          Map.entry("U64", 8),
          Map.entry("F64", 8),
          Map.entry("C64", 8));

  /**
   * A tensor as the file has it.
   *
   * @param type the format's name, such as {@code F32}
   * @param values its bytes, little-endian
   */
  record Stored(String name, String type, List<Long> shape, MemorySegment values) {}

  private record Place(long begin, long end, String name) {}

  /**
   * Opens a file.
   *
   * @throws UserError if it cannot be read, or is no sound safetensors file
   */
  static SafetensorsFile open(Path file) {
    try (var channel = FileChannel.open(file)) {
      if (channel.size() < Long.BYTES) {
        throw damaged(file, "it has %d bytes and no header".formatted(channel.size()));
      }
      final MemorySegment content =
          channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), Arena.ofAuto());
      final long header = content.get(LENGTH, 0);
      if (header < 2 || header > MAX_HEADER || header > content.byteSize() - Long.BYTES) {
        throw damaged(
            file,
            "its header is said to have %s bytes, and the file has %d"
                .formatted(Long.toUnsignedString(header), content.byteSize()));
      }
      final MemorySegment data = content.asSlice(Long.BYTES + header);
      final byte[] json = content.asSlice(Long.BYTES, header).toArray(ValueLayout.JAVA_BYTE);
      return new SafetensorsFile(file, content, Digests.of(content), tensors(file, json, data));
    } catch (IOException e) {
      throw new UserError("initial-weights.file: %s: %s".formatted(file, FileFault.of(e)), e);
    }
  }

  private static Map<String, Stored> tensors(Path file, byte[] json, MemorySegment data) {
    final JsonNode header;
    try {
      header = JSON.readTree(json);
    } catch (JsonProcessingException e) {
      throw damaged(file, "its header is no JSON: " + e.getOriginalMessage());
    } catch (IOException e) {
      throw damaged(file, "its header is no JSON");
    }
    if (header == null || !header.isObject()) {
      throw damaged(file, "its header is no JSON object");
    }
    final Map<String, Stored> tensors = new LinkedHashMap<>();
    final List<Place> places = new ArrayList<>();
    for (final Map.Entry<String, JsonNode> entry : header.properties()) {
      if (!entry.getKey().equals("__metadata__")) {
        final String name = entry.getKey();
        final Place place = place(file, name, entry.getValue());
        final List<Long> shape = numbers(file, name, entry.getValue(), "shape");
        final String type = entry.getValue().path("dtype").asText();
        final Integer bytes = BYTES.get(type);
        if (bytes == null) {
          throw damaged(file, "tensor %s has the unknown type \"%s\"".formatted(name, type));
        }
        if (place.end() > data.byteSize() || place.end() - place.begin() != size(shape, bytes)) {
          throw damaged(
              file,
              "tensor %s of type %s and shape %s lies at bytes %d to %d of %d"
                  .formatted(name, type, shape, place.begin(), place.end(), data.byteSize()));
        }
        places.add(place);
        tensors.put(
            name,
            new Stored(
                name, type, shape, data.asSlice(place.begin(), place.end() - place.begin())));
      }
    }
    requireNoGaps(file, places, data.byteSize());
    return tensors;
  }

  private static Place place(Path file, String name, JsonNode entry) {
    final List<Long> offsets = numbers(file, name, entry, "data_offsets");
    if (offsets.size() != 2 || offsets.get(0) > offsets.get(1)) {
      throw damaged(file, "tensor %s has data_offsets %s".formatted(name, offsets));
    }
    return new Place(offsets.get(0), offsets.get(1), name);
  }

  private static List<Long> numbers(Path file, String name, JsonNode entry, String key) {
    final JsonNode list = entry.path(key);
    final List<Long> numbers = new ArrayList<>();
    for (final JsonNode number : list) {
      if (number.isIntegralNumber() && number.canConvertToLong() && number.longValue() >= 0) {
        numbers.add(number.longValue());
      }
    }
    if (!list.isArray() || numbers.size() != list.size()) {
      throw damaged(file, "tensor %s has no whole numbers in %s".formatted(name, key));
    }
    return List.copyOf(numbers);
  }

  /** Bytes of a tensor; -1, which no tensor has, where no 64 bits hold them. */
  private static long size(List<Long> shape, int bytes) {
    try {
      long size = bytes;
      for (final long dimension : shape) {
        size = Math.multiplyExact(size, dimension);
      }
      return size;
    } catch (ArithmeticException e) {
      return -1;
    }
  }

  private static void requireNoGaps(Path file, List<Place> places, long end) {
    places.sort(Comparator.comparingLong(Place::begin).thenComparingLong(Place::end));
    long reached = 0;
    for (final Place place : places) {
      if (place.begin() != reached) {
        throw damaged(
            file,
            "tensor %s begins at byte %d, and what is before it ends at %d"
                .formatted(place.name(), place.begin(), reached));
      }
      reached = place.end();
    }
    if (reached != end) {
      throw damaged(
          file, "its tensors end at byte %d of %d; it is not whole".formatted(reached, end));
    }
  }

  private static UserError damaged(Path file, String what) {
    return new UserError(
        "initial-weights.file: %s is no sound safetensors file: %s"
            .formatted(file, printable(what)));
  }

  /** Names come from the file: what would move a terminal's cursor becomes a question mark. */
  static String printable(String text) {
    return text.codePoints()
        .mapToObj(c -> Character.isISOControl(c) ? "?" : Character.toString(c))
        .collect(Collectors.joining());
  }
}
