package io.gradstream.producer.worker;

import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.WeightRecord;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.BitSet;

/**
 * Puts weight shards together to whole versions, of which only the newest matters.
 *
 * <p>Two flat vectors: one holds the last whole version, the other the one that is arriving. Each
 * version brings every shard, so when the last one is in, the two change places and nothing is
 * copied. Shards may repeat and partitions may run ahead of each other by a version; a version that
 * was left incomplete, because reading began in its middle or one partition was read further than
 * another, is given up for the next.
 *
 * <p>Not thread-safe.
 */
final class VersionedWeights {
  /** No whole version yet. */
  static final long NONE = -1;

  private static final long ALIGNMENT = 64;

  private final Manifest manifest;
  private final Kernels kernels;
  private final BitSet arrived = new BitSet();
  private MemorySegment whole;
  private MemorySegment arriving;
  private long version = NONE;
  private long arrivingVersion = NONE;

  VersionedWeights(Manifest manifest, Kernels kernels) {
    final long bytes = manifest.size() * Float.BYTES;
    this.manifest = manifest;
    this.kernels = kernels;
    this.whole = Arena.ofAuto().allocate(bytes, ALIGNMENT);
    this.arriving = Arena.ofAuto().allocate(bytes, ALIGNMENT);
  }

  /** The last whole version, or {@link #NONE}. */
  long version() {
    return version;
  }

  /** The values of the last whole version, little-endian float32; valid until the next is whole. */
  MemorySegment values() {
    return whole;
  }

  /**
   * Takes in one record of the weights topic.
   *
   * @return whether it completed a version
   * @throws MalformedRecordException when it is no weight shard of this manifest
   */
  boolean add(byte[] record) throws MalformedRecordException {
    final WeightRecord read = WeightRecord.read(record, manifest);
    if (read.version() <= version || read.version() < arrivingVersion) {
      return false;
    }
    if (read.version() > arrivingVersion) {
      arrivingVersion = read.version();
      arrived.clear();
    }
    read.copyTo(arriving, kernels);
    arrived.set(read.shard().index());
    if (arrived.cardinality() < manifest.shards().size()) {
      return false;
    }
    final MemorySegment before = whole;
    whole = arriving;
    arriving = before;
    version = arrivingVersion;
    return true;
  }
}
