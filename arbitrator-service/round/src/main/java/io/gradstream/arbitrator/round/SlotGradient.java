package io.gradstream.arbitrator.round;

import com.google.protobuf.ByteString;
import com.google.protobuf.Parser;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.evidence.Signers;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.GradientShard;
import io.gradstream.proto.message.Order;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.run.RoundKind;
import io.gradstream.proto.run.RoundOrders;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.spec.TaskSlots;
import io.gradstream.proto.topic.Topics;
import java.lang.foreign.MemorySegment;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * One slot's gradient of one shard, read in place and checked.
 *
 * <p>This class and {@link AdmissionPolicy} hold all rules that a gradient must meet to count. The
 * arbitrator and the auditor both use them, so that they always agree. The record's key is not
 * read: shard, slot and round stand in the header, and producers in other languages write no key.
 *
 * @param round the round it belongs to
 * @param shard index of the shard
 * @param nonce of the order that it answers
 * @param report what the slot says of itself
 * @param values the shard's values, inside the record
 * @param type how the values travel
 * @param squaredNorm their squared norm, finite
 * @param digest of the run, the task, the header and the values, which the record claims
 */
public record SlotGradient(
    long round,
    int shard,
    long nonce,
    ShardStatistics.Slot report,
    MemorySegment values,
    ValueType type,
    double squaredNorm,
    ByteString digest) {

  /**
   * What a run's gradient records must agree with.
   *
   * @param format revision of the protocol that the run's records follow
   * @param orders what each slot was asked for
   * @param run digest of the run's record
   * @param signers who must sign, if anybody must
   */
  public record Rules(
      Manifest manifest,
      int format,
      RoundOrders orders,
      TaskSlots slots,
      long rounds,
      Kernels kernels,
      ByteString run,
      Signers signers) {
    public static Rules of(RunDescription run, Kernels kernels) {
      return new Rules(
          run.manifest(),
          run.format(),
          new RoundOrders(run.spec()),
          run.slots(),
          run.spec().rounds(),
          kernels,
          run.digest(),
          Signers.of(run.spec()));
    }
  }

  /**
   * What names of workers and devices may be: they go into the state, the statistics and onto
   * terminals.
   */
  private static final Pattern NAME = Pattern.compile("[\\p{Graph} ]{0,128}");

  /**
   * Slots are added up and multiplied with each other in float32. Up to this squared norm for a run
   * of one slot, and so much less as the sum of all slots may be larger, no product can overflow.
   */
  private static final double MAX_SQUARED_NORM = 1e36;

  private static final Parser<GradientShard> PARSER = GradientShard.parser();

  /**
   * Reads and checks a record.
   *
   * @param task the task, or the pseudo-task, whose topic the record came by, which is the task it
   *     counts for
   * @param partition the partition it came by
   * @throws MalformedRecordException with the reason why it must not be added
   */
  public static SlotGradient read(byte @Nullable [] record, int task, int partition, Rules rules)
      throws MalformedRecordException {
    final ValuesRecord<GradientShard> read = ValuesRecord.read(record, PARSER);
    final GradientShard header = read.header();
    final Manifest manifest = rules.manifest();
    final int slots = rules.slots().of(task);
    require(
        header.getManifest() == manifest.hash(),
        "manifest %016x, the run's is %016x",
        header.getManifest(),
        manifest.hash());
    require(
        NAME.matcher(header.getWorker()).matches() && NAME.matcher(header.getDevice()).matches(),
        "worker %s on %s: names have at most 128 printable ASCII characters",
        header.getWorker(),
        header.getDevice());
    require(
        header.getRound() >= 0 && header.getRound() < rules.rounds(),
        "round %d, the run has 0 to %d",
        header.getRound(),
        rules.rounds() - 1);
    require(
        header.getSlot() >= 0 && header.getSlot() < slots,
        "slot %d, the task has 0 to %d",
        header.getSlot(),
        slots - 1);
    require(
        header.getShard() >= 0 && header.getShard() < manifest.shards().size(),
        "shard %d, the manifest has 0 to %d",
        header.getShard(),
        manifest.shards().size() - 1);
    final Shard shard = manifest.shard(header.getShard());
    require(
        shard.partition() == partition,
        "shard %d on partition %d, it belongs on %d",
        shard.index(),
        partition,
        shard.partition());
    require(
        manifest.touches(task, shard),
        shard.buffer()
            ? "shard %d has buffers of tasks %s, not of %d"
            : "shard %d belongs to task %s alone, not to %d",
        shard.index(),
        shard.buffer() ? manifest.learnersOf(shard) : shard.owner(),
        task);
    require(header.getSamples() >= 0, "%d samples", header.getSamples());
    if (rules.format() > 1) {
      requireAnswer(header, rules.orders().of(header.getRound(), task, header.getSlot(), 0));
    }
    final ValueType type = ValuesRecord.typeOf(header.getType());
    require(
        shard.travelsAs(type) == type,
        "type %s, the buffers of shard %d travel as float32",
        header.getType(),
        shard.index());
    final long expected = (long) shard.length() * type.bytes();
    require(
        read.values().byteSize() == expected,
        "%d bytes of values, shard %d has %d",
        read.values().byteSize(),
        shard.index(),
        expected);
    require(
        RoundKind.asking(task, manifest.tasks().size()) == RoundKind.EACH_TASK
            || header.getTaskLossesCount() == manifest.tasks().size(),
        "losses %s, a summed gradient has one for each of %d tasks",
        header.getTaskLossesList(),
        manifest.tasks().size());
    require(
        header.getTaskLossesCount() == 0
            || RoundKind.asking(task, manifest.tasks().size()) == RoundKind.SUM,
        "%d task losses, which only a summed gradient has",
        header.getTaskLossesCount());
    final String name = task < manifest.tasks().size() ? manifest.tasks().get(task) : Topics.ALL;
    final ByteString digest = Digests.of(rules.run(), name, header, read.values());
    require(digest.equals(header.getDigest()), "its bytes have another digest than it claims");
    rules.signers().check(header.getWorker(), name, digest, header.getSignature());
    final double squared = rules.kernels().squaredNorm(read.values(), type, shard.length());
    requireFinite(header, squared, MAX_SQUARED_NORM / slots / slots);
    final var report =
        ShardStatistics.Slot.newBuilder()
            .setTask(task)
            .setSlot(header.getSlot())
            .setWorker(header.getWorker())
            .setSamples(header.getSamples())
            .setLoss(header.getLoss())
            .setComputeUs(header.getComputeUs())
            .addAllTaskLosses(header.getTaskLossesList())
            .setFingerprint(header.getFingerprint())
            .setDevice(header.getDevice())
            .setBatchDigest(header.getBatchDigest())
            .build();
    return new SlotGradient(
        header.getRound(),
        shard.index(),
        header.getNonce(),
        report,
        read.values(),
        type,
        squared,
        header.getDigest());
  }

  /** Requires that a gradient repeats what its order asked for. */
  private static void requireAnswer(GradientShard header, Order order)
      throws MalformedRecordException {
    require(
        header.getMicroBatch() == order.getMicroBatch()
            && header.getRangesList().equals(order.getRangesList())
            && header.getBatchSize() == order.getBatchSize(),
        "micro-batch %d of %d samples, the slot's is %d of %d",
        header.getMicroBatch(),
        header.getBatchSize(),
        order.getMicroBatch(),
        order.getBatchSize());
    require(
        header.getWeightsVersion() == order.getWeightsVersion(),
        "taken at weights version %d, the slot's is %d",
        header.getWeightsVersion(),
        order.getWeightsVersion());
    require(
        header.getKind() == order.getKind() && header.getLocalSteps() == order.getLocalSteps(),
        "a gradient of kind %s with %d local steps, the slot's is %s with %d",
        header.getKind(),
        header.getLocalSteps(),
        order.getKind(),
        order.getLocalSteps());
    require(
        header.getScales().isEmpty() && header.getScaleBlock() == 0,
        "scales of a value type that has none");
    require(
        header.getBatchDigest().isEmpty() || header.getBatchDigest().size() == Digests.BYTES,
        "a batch digest of %d bytes, expected %d",
        header.getBatchDigest().size(),
        Digests.BYTES);
  }

  /** The entry in the statistics for a gradient that is in the sums. */
  public ShardStatistics.Contribution contribution(long offset) {
    return ShardStatistics.Contribution.newBuilder()
        .setTask(report.getTask())
        .setSlot(report.getSlot())
        .setWorker(report.getWorker())
        .setOffset(offset)
        .setDigest(digest)
        .build();
  }

  /**
   * Requires that loss and values are finite and not too large. Otherwise the slot has diverged:
   * whoever computes it again, at the same weights, gets the same. That is looked at last, since it
   * must be certain who sent it.
   */
  private static void requireFinite(GradientShard header, double squared, double limit)
      throws DivergedException {
    if (!(Math.abs(header.getLoss()) <= Float.MAX_VALUE)
        || !header.getTaskLossesList().stream()
            .allMatch(loss -> Math.abs(loss) <= Float.MAX_VALUE)) {
      throw new DivergedException(
          "loss %s is not finite, or no float32".formatted(header.getLoss()), header);
    }
    if (!(squared <= limit)) {
      throw new DivergedException(
          "a value that is not finite, or too large to square and add: squared norm %.3g, at most %.3g"
              .formatted(squared, limit),
          header);
    }
  }

  private static void require(boolean holds, String reason, Object... details)
      throws MalformedRecordException {
    if (!holds) {
      throw new MalformedRecordException(reason.formatted(details));
    }
  }
}
