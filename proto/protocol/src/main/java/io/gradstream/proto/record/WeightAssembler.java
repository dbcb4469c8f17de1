package io.gradstream.proto.record;

import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.manifest.Manifest;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.BitSet;
import java.util.Deque;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Puts weight shards together to whole versions, of which only the newest matters.
 *
 * <p>Every version that is arriving has a flat vector of its own; when its last shard is in, it is
 * the whole version, and older ones are given up: each version brings every shard, so nothing is
 * lost. Shards may repeat, and partitions may run ahead of each other by as many versions as may
 * arrive at once. Vectors are used again, so reading on takes no more memory.
 *
 * <p>Not thread-safe.
 */
public final class WeightAssembler {
  /** No whole version yet. */
  public static final long NONE = -1;

  private static final long ALIGNMENT = 64;

  /** A version that is arriving. */
  private record Arriving(MemorySegment values, BitSet shards) {}

  private final Manifest manifest;
  private final Kernels kernels;
  private final int atOnce;
  private final TreeMap<Long, Arriving> arriving = new TreeMap<>();
  private final Deque<MemorySegment> free = new ArrayDeque<>();
  private @Nullable MemorySegment whole;
  private long version = NONE;

  /**
   * @param atOnce how many versions may be arriving, at least 1; one more takes the place of the
   *     oldest
   */
  public WeightAssembler(Manifest manifest, Kernels kernels, int atOnce) {
    this.manifest = manifest;
    this.kernels = kernels;
    this.atOnce = atOnce;
  }

  /** The newest whole version, or {@link #NONE}. */
  public long version() {
    return version;
  }

  /**
   * The values of the newest whole version, little-endian float32; valid until the next is whole.
   *
   * @throws IllegalStateException if there is none
   */
  public MemorySegment values() {
    if (whole == null) {
      throw new IllegalStateException("no version is whole");
    }
    return whole;
  }

  /** Takes in a shard, and tells whether it completed a version. */
  public boolean add(WeightRecord record) {
    if (record.version() <= version || isTooOld(record.version())) {
      return false;
    }
    final Arriving into =
        arriving.computeIfAbsent(record.version(), absent -> new Arriving(vector(), new BitSet()));
    record.copyTo(into.values(), kernels);
    into.shards().set(record.shard().index());
    if (into.shards().cardinality() < manifest.shards().size()) {
      return false;
    }
    if (whole != null) {
      free.add(whole);
    }
    whole = into.values();
    version = record.version();
    arriving.remove(version);
    giveUp(arriving.headMap(version));
    return true;
  }

  /** Makes room for a version among those that are arriving, unless all of them are newer. */
  private boolean isTooOld(long candidate) {
    if (arriving.containsKey(candidate) || arriving.size() < atOnce) {
      return false;
    }
    if (candidate < arriving.firstKey()) {
      return true;
    }
    giveUp(arriving.headMap(arriving.firstKey(), true));
    return false;
  }

  private void giveUp(SortedMap<Long, Arriving> versions) {
    versions.values().forEach(each -> free.add(each.values()));
    versions.clear();
  }

  private MemorySegment vector() {
    final MemorySegment used = free.poll();
    return used != null ? used : Arena.ofAuto().allocate(manifest.size() * Float.BYTES, ALIGNMENT);
  }
}
