package io.gradstream.audit.check;

import com.google.protobuf.ByteString;
import io.gradstream.audit.rounds.Finding;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What one partition must have of one weights version, by 16 bytes of each record's digest, and
 * where it was found. An item is a shard, by its place among the partition's, or behind them the
 * seal. One owner, one thread.
 */
final class VersionRecords {
  private final long version;
  private final int shards;
  private final long[] digests;
  private final boolean[] known;
  private long @Nullable [] found;
  private long @Nullable [] others;
  private int left;
  private boolean gapBefore;
  private boolean gaps;

  /**
   * @param shards how many of them the partition has
   * @param items how many records the version has there
   */
  VersionRecords(long version, int shards, int items) {
    this.version = version;
    this.shards = shards;
    this.digests = new long[2 * items];
    this.known = new boolean[items];
    this.found = new long[items];
    Arrays.fill(found, Finding.NOWHERE);
    this.left = items;
  }

  long version() {
    return version;
  }

  int items() {
    return known.length;
  }

  boolean isSeal(int item) {
    return item == shards;
  }

  /** Says which digest an item was computed to have. */
  void expect(int item, ByteString digest) {
    digests[2 * item] = half(digest, 0);
    digests[2 * item + 1] = half(digest, 1);
    known[item] = true;
  }

  boolean knows(int item) {
    return known[item];
  }

  /** Whether an item was computed to have a digest. */
  boolean has(int item, ByteString digest) {
    return known[item]
        && digests[2 * item] == half(digest, 0)
        && digests[2 * item + 1] == half(digest, 1);
  }

  private static long half(ByteString digest, int which) {
    return digest.size() < 2 * Long.BYTES
        ? 0
        : digest.asReadOnlyByteBuffer().getLong(which * Long.BYTES);
  }

  /** The beginning of an item's digest, in hexadecimal. */
  String text(int item) {
    return "%016x%016x...".formatted(digests[2 * item], digests[2 * item + 1]);
  }

  /**
   * Says where an item was found.
   *
   * @param behindGap whether offsets without a record lie between it and what was found before
   */
  void find(int item, long offset, boolean behindGap) {
    if (found != null && found[item] == Finding.NOWHERE) {
      gapBefore |= behindGap && left == items();
      gaps |= behindGap;
      found[item] = offset;
      left--;
    }
  }

  boolean isFound(int item) {
    return found == null || found[item] != Finding.NOWHERE;
  }

  /** Whether all items were found. */
  boolean isWhole() {
    return left == 0;
  }

  boolean hasAny() {
    return left < items();
  }

  boolean lacksShards() {
    return left > (items() > shards && !isFound(shards) ? 1 : 0);
  }

  boolean hasGapBefore() {
    return gapBefore;
  }

  boolean hasGaps() {
    return gaps;
  }

  /** Where an item was found, or {@link Finding#NOWHERE}; all is forgotten once it is settled. */
  long place(int item) {
    return found == null ? Finding.NOWHERE : found[item];
  }

  /** The offset behind the last shard that was found. */
  long behindShards() {
    long last = Finding.NOWHERE - 1;
    for (int item = 0; item < shards; item++) {
      last = Math.max(last, place(item));
    }
    return last + 1;
  }

  /** Notes a record that says it is an item and is not; false if there was one before. */
  boolean noteOther(int item, long offset) {
    if (others == null) {
      others = new long[items()];
      Arrays.fill(others, Finding.NOWHERE);
    }
    if (others[item] != Finding.NOWHERE) {
      return false;
    }
    others[item] = offset;
    return true;
  }

  /** The first record that said it was an item and was not, or {@link Finding#NOWHERE}. */
  long other(int item) {
    return others == null ? Finding.NOWHERE : others[item];
  }

  void forgetOther(int item) {
    if (others != null) {
      others[item] = Finding.NOWHERE;
    }
  }

  /** Says that all is known of the version; its digests are kept for copies that come later. */
  void settle() {
    found = null;
    others = null;
    left = 0;
  }
}
