package io.gradstream.audit.rounds;

import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import io.gradstream.proto.log.LogRecord;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The first field in which two messages of a type differ.
 *
 * @param field its path, such as {@code gram[3]}; empty where they agree
 * @param recorded its value in the first message
 * @param expected its value in the second
 */
public record Difference(String field, String recorded, String expected) {
  private static final String NOTHING = "nothing";

  /** Compares field by field, numbers to the bit. */
  public static Difference between(Message recorded, Message expected) {
    for (final FieldDescriptor field : recorded.getDescriptorForType().getFields()) {
      final Object there = recorded.getField(field);
      final Object here = expected.getField(field);
      if (!there.equals(here)) {
        // Maps may differ in the order of their entries alone.
        final Difference difference = of(field.getName(), field, there, here);
        if (!difference.none()) {
          return difference;
        }
      }
    }
    return new Difference("", "", "");
  }

  private static Difference of(String name, FieldDescriptor field, Object there, Object here) {
    if (field.isMapField()) {
      return ofMap(name, byKey(there), byKey(here));
    }
    if (field.isRepeated()) {
      return ofList(name, (List<?>) there, (List<?>) here);
    }
    return ofValues(name, there, here);
  }

  private static Difference ofList(String name, List<?> there, List<?> here) {
    for (int i = 0; i < Math.max(there.size(), here.size()); i++) {
      final Object recorded = i < there.size() ? there.get(i) : NOTHING;
      final Object expected = i < here.size() ? here.get(i) : NOTHING;
      if (!recorded.equals(expected)) {
        return ofValues("%s[%d]".formatted(name, i), recorded, expected);
      }
    }
    return new Difference(name, there.toString(), here.toString());
  }

  /** Entries are messages of a key and a value, in the order of whoever wrote them. */
  private static Map<String, Object> byKey(Object entries) {
    final var map = new TreeMap<String, Object>();
    for (final Object entry : (List<?>) entries) {
      final var fields = ((Message) entry).getDescriptorForType().getFields();
      map.put(
          ((Message) entry).getField(fields.get(0)).toString(),
          ((Message) entry).getField(fields.get(1)));
    }
    return map;
  }

  private static Difference ofMap(
      String name, Map<String, Object> there, Map<String, Object> here) {
    final var keys = new ArrayList<>(there.keySet());
    here.keySet().stream().filter(key -> !there.containsKey(key)).forEach(keys::add);
    for (final String key : keys) {
      final Object recorded = there.getOrDefault(key, NOTHING);
      final Object expected = here.getOrDefault(key, NOTHING);
      if (!recorded.equals(expected)) {
        return ofValues(name + "." + key, recorded, expected);
      }
    }
    return new Difference("", "", "");
  }

  private static Difference ofValues(String name, Object there, Object here) {
    if (there instanceof Message recorded && here instanceof Message expected) {
      final Difference inner = between(recorded, expected);
      return new Difference(name + "." + inner.field(), inner.recorded(), inner.expected());
    }
    return new Difference(name, text(there), text(here));
  }

  private static String text(Object value) {
    return switch (value) {
      case ByteString bytes when bytes.isEmpty() -> NOTHING;
      case ByteString bytes -> HexFormat.of().formatHex(bytes.toByteArray());
      case String string when string.isEmpty() -> NOTHING;
      case Message message -> message.toString().strip().replaceAll("\\s+", " ");
      default -> value.toString();
    };
  }

  /** Whether the messages say the same. */
  public boolean none() {
    return field.isEmpty();
  }

  /** What a difference means for a record. */
  public Finding finding(Finding.Kind kind, long round, LogRecord record, String what) {
    return new Finding(
        kind,
        round,
        record.source(),
        record.offset(),
        what + ", field " + field,
        recorded,
        expected);
  }
}
