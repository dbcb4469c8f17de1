package io.gradstream.cli.progress;

import com.fasterxml.jackson.databind.node.ArrayNode;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.spec.ArithmeticPolicy;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * What a run's gradients were computed with, as far as their workers say: fingerprint, devices, and
 * the rounds that it had a part in. Statistics may be told of in any order and twice. One thread.
 */
public final class ArithmeticsSeen {
  /** A part in a run: the rounds are the first and the last, not each between them. */
  private record Part(long first, long last, TreeSet<String> devices) {
    Part plus(Part other) {
      devices.addAll(other.devices);
      return new Part(Math.min(first, other.first), Math.max(last, other.last), devices);
    }
  }

  private final TreeMap<Long, Part> parts = new TreeMap<>(Long::compareUnsigned);

  void add(ShardStatistics statistics) {
    for (final ShardStatistics.Slot slot : statistics.getSlotsList()) {
      final var devices = new TreeSet<String>();
      if (!slot.getDevice().isEmpty()) {
        devices.add(slot.getDevice());
      }
      final long round = statistics.getRound();
      parts.merge(slot.getFingerprint(), new Part(round, round, devices), Part::plus);
    }
  }

  /** How many kinds had a part, workers without a fingerprint being one. */
  public int kinds() {
    return parts.size();
  }

  /** One line; where there are several kinds, it says what that means for the digest. */
  public String text() {
    if (kinds() == 1) {
      return name(parts.firstEntry());
    }
    return "%d kinds computed: %s; the digest depends on which of them computed what"
        .formatted(
            kinds(),
            parts.entrySet().stream()
                .map(
                    each ->
                        "%s in rounds %d to %d"
                            .formatted(name(each), each.getValue().first, each.getValue().last))
                .collect(Collectors.joining(", ")));
  }

  private static String name(Map.Entry<Long, Part> each) {
    final String fingerprint = ArithmeticPolicy.text(each.getKey());
    final TreeSet<String> devices = each.getValue().devices;
    return devices.isEmpty() ? fingerprint : fingerprint + " on " + String.join(" and ", devices);
  }

  /** One object for each kind. */
  void json(ArrayNode kinds) {
    parts.forEach(
        (fingerprint, part) -> {
          final var kind = kinds.addObject();
          kind.put("fingerprint", ArithmeticPolicy.text(fingerprint))
              .put("first_round", part.first)
              .put("last_round", part.last);
          part.devices.forEach(kind.putArray("devices")::add);
        });
  }
}
