package io.gradstream.proto.record;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.evidence.Signers;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.WeightSeal;
import io.gradstream.proto.run.RunDescription;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongPredicate;
import org.jspecify.annotations.Nullable;

/**
 * Puts the records of the weights topic together to whole versions, of which only the newest
 * matters.
 *
 * <p>A version is whole when the seals of all partitions are there and, for each shard, the record
 * that its seal names. A record that no seal names is part of no version, whatever it says of
 * itself: a version that somebody made up never becomes whole, and what was sent in a shard's place
 * is passed over. Where the run lists its parameter servers' keys, only seals count that one of
 * them signed. Runs of the protocol's first format have no seals; there a version is whole when all
 * its shards are.
 *
 * <p>Every version that is arriving has a flat vector of its own; when it is whole, older ones are
 * given up: each version brings every shard, so nothing is lost. Records may repeat, and partitions
 * may run ahead of each other by as many versions as may arrive at once. Vectors are used again, so
 * reading on takes no more memory.
 *
 * <p>Not thread-safe.
 */
public final class WeightAssembler {
  /** No whole version yet. */
  public static final long NONE = -1;

  private static final long ALIGNMENT = 64;

  /** How many of a shard's records that came before their seal are kept beside the first. */
  private static final int MOST_OTHERS = 4;

  /** A version that is arriving. */
  private static final class Arriving {
    final MemorySegment values;

    /** By shard, the digest of the record whose values are in the vector. */
    final Map<Integer, ByteString> digests = new HashMap<>();

    /** By shard, records that say something else. */
    final Map<Integer, List<WeightRecord>> others = new HashMap<>();

    /** By shard, the digest that its seal names. */
    final Map<Integer, ByteString> sealed = new HashMap<>();

    Arriving(MemorySegment values) {
      this.values = values;
    }
  }

  private final Manifest manifest;
  private final ByteString runDigest;
  private final Signers signers;
  private final boolean sealed;
  private final long first;
  private final long last;
  private final Kernels kernels;
  private final int atOnce;
  private final LongPredicate wanted;
  private final Map<Long, Arriving> arriving = new LinkedHashMap<>(16, 0.75f, true);
  private final Deque<MemorySegment> free = new ArrayDeque<>();
  private @Nullable MemorySegment whole;
  private long version = NONE;

  /**
   * @param atOnce how many versions may be arriving, at least 1
   */
  public WeightAssembler(RunDescription run, Kernels kernels, int atOnce) {
    this(run, kernels, atOnce, every -> true);
  }

  /**
   * @param atOnce how many versions may be arriving, at least 1
   * @param wanted the versions that are put together; all else is passed over
   */
  public WeightAssembler(RunDescription run, Kernels kernels, int atOnce, LongPredicate wanted) {
    this.manifest = run.manifest();
    this.runDigest = run.digest();
    this.signers = Signers.of(run.spec());
    this.sealed = run.isSealed();
    this.first = run.firstRound();
    this.last = run.spec().rounds();
    this.kernels = kernels;
    this.atOnce = atOnce;
    this.wanted = wanted;
  }

  /** The newest whole version, or {@link #NONE}. */
  public long version() {
    return version;
  }

  /**
   * The newest version that has a seal and lacks shards which it names, or {@link #NONE}. Shards
   * lie before their seal on the log, so these were given up for somebody's records of other
   * versions, or were never read: only reading them again can make the version whole.
   */
  public long tornVersion() {
    return arriving.entrySet().stream()
        .filter(
            each -> !each.getValue().digests.keySet().containsAll(each.getValue().sealed.keySet()))
        .mapToLong(Map.Entry::getKey)
        .max()
        .orElse(NONE);
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

  /** Forgets all that has arrived, the newest whole version too. */
  public void forget() {
    List.copyOf(arriving.keySet()).forEach(this::giveUp);
    if (whole != null) {
      free.add(whole);
      whole = null;
    }
    version = NONE;
  }

  /**
   * Takes in a record of the topic.
   *
   * @return whether it completed a version
   * @throws MalformedRecordException with the reason why it is neither weights nor a seal of the
   *     run
   */
  public boolean add(byte @Nullable [] key, byte @Nullable [] value)
      throws MalformedRecordException {
    if (value == null) {
      throw new MalformedRecordException("an empty record");
    }
    return Arrays.equals(key, Keys.seal()) ? addSeal(value) : addShard(value);
  }

  private boolean addShard(byte[] value) throws MalformedRecordException {
    final WeightRecord record = WeightRecord.read(value, manifest);
    if (isPassedOver(record.version())) {
      return false;
    }
    if (sealed) {
      record.checkDigest();
    }
    final Arriving into = arriving(record.version());
    if (into == null) {
      return false;
    }
    final int shard = record.shard().index();
    final ByteString named = into.sealed.get(shard);
    final ByteString there = into.digests.get(shard);
    if (there == null && (named == null || named.equals(record.digest()))) {
      put(into, record);
    } else if (named == null && !record.digest().equals(there)) {
      keep(into, record);
    }
    return completes(record.version(), into);
  }

  private void put(Arriving into, WeightRecord record) {
    record.copyTo(into.values, kernels);
    into.digests.put(record.shard().index(), record.digest());
  }

  private static void keep(Arriving into, WeightRecord record) {
    final List<WeightRecord> others =
        into.others.computeIfAbsent(record.shard().index(), first -> new ArrayList<>());
    if (others.size() == MOST_OTHERS) {
      others.removeFirst();
    }
    others.add(record);
  }

  private boolean addSeal(byte[] value) throws MalformedRecordException {
    final WeightSeal seal = read(value);
    if (isPassedOver(seal.getVersion())) {
      return false;
    }
    if (!seal.getDigest().equals(Digests.of(runDigest, seal))) {
      throw new MalformedRecordException("a seal of another run");
    }
    signers.check(seal);
    final Arriving into = arriving(seal.getVersion());
    if (into == null) {
      return false;
    }
    for (final WeightSeal.Sealed each : seal.getShardsList()) {
      into.sealed.put(each.getShard(), each.getWeights());
      if (!each.getWeights().equals(into.digests.get(each.getShard()))) {
        into.digests.remove(each.getShard());
        into.others.getOrDefault(each.getShard(), List.of()).stream()
            .filter(other -> other.digest().equals(each.getWeights()))
            .findFirst()
            .ifPresent(other -> put(into, other));
      }
      into.others.remove(each.getShard());
    }
    return completes(seal.getVersion(), into);
  }

  private WeightSeal read(byte[] value) throws MalformedRecordException {
    final WeightSeal seal;
    try {
      seal = WeightSeal.parseFrom(value);
    } catch (InvalidProtocolBufferException e) {
      throw new MalformedRecordException("not a seal");
    }
    if (seal.getManifest() != manifest.hash()
        || seal.getPartition() < 0
        || seal.getPartition() >= manifest.partitions()) {
      throw new MalformedRecordException("a seal of another manifest");
    }
    final List<Integer> shards =
        manifest.shardsOf(seal.getPartition()).stream().map(Shard::index).toList();
    if (!shards.equals(seal.getShardsList().stream().map(WeightSeal.Sealed::getShard).toList())) {
      throw new MalformedRecordException("a seal of other shards than its partition has");
    }
    return seal;
  }

  /** Whether a version is of no interest, or cannot be. */
  private boolean isPassedOver(long candidate) throws MalformedRecordException {
    if (candidate < first || candidate > last) {
      throw new MalformedRecordException(
          "weights version %d, the run has %d to %d".formatted(candidate, first, last));
    }
    return candidate <= version || !wanted.test(candidate);
  }

  /** What has arrived of a version; null if there is no room for it. */
  private @Nullable Arriving arriving(long candidate) {
    final Arriving there = arriving.get(candidate);
    if (there != null || !makeRoom(candidate)) {
      return there;
    }
    final MemorySegment used = free.poll();
    final var begun =
        new Arriving(
            used != null
                ? used
                : Arena.ofAuto().allocate(manifest.size() * Float.BYTES, ALIGNMENT));
    arriving.put(candidate, begun);
    return begun;
  }

  /**
   * Makes room for one more version: one that no partition has sealed goes, the one that has not
   * moved for longest; else the oldest, unless it is the candidate.
   */
  private boolean makeRoom(long candidate) {
    if (arriving.size() < atOnce) {
      return true;
    }
    final Optional<Long> unsealed =
        arriving.entrySet().stream()
            .filter(each -> sealed && each.getValue().sealed.isEmpty())
            .map(Map.Entry::getKey)
            .findFirst();
    final long given = unsealed.orElseGet(() -> Collections.min(arriving.keySet()));
    if (unsealed.isEmpty() && candidate < given) {
      return false;
    }
    giveUp(given);
    return true;
  }

  private void giveUp(long candidate) {
    final Arriving given = arriving.remove(candidate);
    if (given != null) {
      free.add(given.values);
    }
  }

  private boolean completes(long candidate, Arriving into) {
    final int shards = manifest.shards().size();
    if (into.digests.size() < shards || (sealed && into.sealed.size() < shards)) {
      return false;
    }
    if (whole != null) {
      free.add(whole);
    }
    whole = into.values;
    version = candidate;
    arriving.remove(candidate);
    List.copyOf(arriving.keySet()).stream().filter(older -> older < version).forEach(this::giveUp);
    return true;
  }
}
