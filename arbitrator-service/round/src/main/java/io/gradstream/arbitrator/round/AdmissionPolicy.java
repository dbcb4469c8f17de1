package io.gradstream.arbitrator.round;

import io.gradstream.proto.kernels.SplitMix64;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.message.GradientShard;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.run.RoundKind;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.spec.ArithmeticPolicy;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Checks gradients of the open round against the verdict of the round before.
 *
 * <p>It checks three things that a gradient's record alone does not show. The nonce proves that the
 * gradient's order came after that verdict, since nobody can know it before. The arithmetic must be
 * one that the run takes, if it does not take any. The norm must not be larger than the spec
 * allows, compared with the task's running norm, unless that is zero; buffers have no norm that
 * tells anything. All follow from the log, so a gradient that is read again gets the same answer,
 * and all are checked once the gradient's round is open.
 *
 * <p>Under {@code compute.arithmetic: same} the <em>first slot</em> of the first round decides for
 * the whole run: slot 0 of the first task that touches shard 0, by the first fit record of shard 0.
 * It lies on one partition, so all partitions find the same record, and the round's verdict says
 * what it decided to all later rounds. Before it has come, the round takes no other slot.
 */
public final class AdmissionPolicy {
  /** Weight of the newest round in a task's running squared norm. */
  private static final double NEWEST = 0.1;

  private final @Nullable Double maxNormRatio;
  private final ArithmeticPolicy arithmetic;
  private final Manifest manifest;

  /** The policy of a run. */
  public AdmissionPolicy(RunDescription run) {
    this.maxNormRatio = run.spec().maxNormRatio();
    this.arithmetic = run.spec().compute().arithmeticPolicy();
    this.manifest = run.manifest();
  }

  /**
   * Whether the first slot of the open round decides which arithmetic the run takes.
   *
   * @param before verdict of the round before; null in the first round
   */
  public boolean decidesArithmetic(@Nullable Verdict before) {
    return arithmetic instanceof ArithmeticPolicy.Same
        && (before == null || before.getFingerprint() == ArithmeticPolicy.NONE);
  }

  /**
   * The fingerprint that the run takes alone from some verdict on.
   *
   * @param before that verdict; null before the first
   * @return {@link ArithmeticPolicy#NONE} where it takes any, or has not decided yet
   */
  static long arithmeticAfter(ArithmeticPolicy policy, @Nullable Verdict before) {
    return switch (policy) {
      case ArithmeticPolicy.Any() -> ArithmeticPolicy.NONE;
      case ArithmeticPolicy.Only only -> only.fingerprint();
      case ArithmeticPolicy.Same() ->
          before == null ? ArithmeticPolicy.NONE : before.getFingerprint();
    };
  }

  /**
   * What the verdict of the open round says that the run takes from there on.
   *
   * @param firstSlot fingerprint of the round's first slot
   */
  long arithmeticAfter(@Nullable Verdict before, long firstSlot) {
    return decidesArithmetic(before) ? firstSlot : arithmeticAfter(arithmetic, before);
  }

  /** The task whose slot 0 is the first slot of a round of some kind. */
  public int firstTask(RoundKind kind) {
    final int tasks = manifest.tasks().size();
    return kind == RoundKind.SUM
        ? RoundKind.sum(tasks)
        : IntStream.range(0, tasks)
            .filter(task -> manifest.touches(task, manifest.shard(0)))
            .findFirst()
            .orElse(0);
  }

  /** Whether a gradient is that of its round's first slot, where it decides. */
  public boolean isFirst(SlotGradient gradient) {
    return isFirst(gradient.shard(), gradient.report().getTask(), gradient.report().getSlot());
  }

  private boolean isFirst(int shard, int task, int slot) {
    return shard == 0
        && slot == 0
        && task == firstTask(RoundKind.asking(task, manifest.tasks().size()));
  }

  /** The partition on which the first slot decides. */
  public int firstPartition() {
    return manifest.shard(0).partition();
  }

  /**
   * Checks a gradient of the open round.
   *
   * @param before verdict of the round before; null in the first round
   * @param decided fingerprint of the open round's first slot, where that decides; {@link
   *     ArithmeticPolicy#NONE} before it is there
   * @throws MalformedRecordException with the reason why it must not be added
   */
  public void check(SlotGradient gradient, @Nullable Verdict before, long decided)
      throws MalformedRecordException {
    requireNonce(gradient.nonce(), gradient.round(), before);
    checkArithmetic(gradient.report().getFingerprint(), isFirst(gradient), before, decided);
    final int task = gradient.report().getTask();
    if (maxNormRatio == null
        || before == null
        || task >= before.getRunningSquaredCount()
        || manifest.shard(gradient.shard()).buffer()) {
      return;
    }
    final double running = Math.sqrt(before.getRunningSquared(task));
    final double norm = Math.sqrt(gradient.squaredNorm());
    if (running > 0 && norm > maxNormRatio * running) {
      throw new MalformedRecordException(
          "norm %.4g of shard %d alone; the task's running norm is %.4g, of which %.4g times are allowed"
              .formatted(norm, gradient.shard(), running, maxNormRatio));
    }
  }

  /**
   * Checks a gradient of the open round that is not finite: only one that would have been admitted
   * shows anything. What another arithmetic cannot represent, the run's own may.
   *
   * @param header of the gradient
   * @param task whose topic it came by
   * @param before verdict of the round before; null in the first round
   * @param decided fingerprint of the open round's first slot, where that decides; {@link
   *     ArithmeticPolicy#NONE} before it is there
   * @throws MalformedRecordException with the reason why it shows nothing
   */
  public void checkDiverged(GradientShard header, int task, @Nullable Verdict before, long decided)
      throws MalformedRecordException {
    requireNonce(header.getNonce(), header.getRound(), before);
    final boolean first = isFirst(header.getShard(), task, header.getSlot());
    checkArithmetic(header.getFingerprint(), first, before, decided);
    if (decidesArithmetic(before) && !first && decided == ArithmeticPolicy.NONE) {
      throw new MalformedRecordException(
          "a value that is not finite, sent before the first slot has decided which arithmetic the run takes");
    }
  }

  private void checkArithmetic(long own, boolean first, @Nullable Verdict before, long decided)
      throws MalformedRecordException {
    if (arithmetic instanceof ArithmeticPolicy.Any) {
      return;
    }
    final long taken;
    if (!decidesArithmetic(before)) {
      taken = arithmeticAfter(arithmetic, before);
    } else {
      taken = first ? own : decided;
    }
    if (own == ArithmeticPolicy.NONE || (taken != ArithmeticPolicy.NONE && own != taken)) {
      throw new ForeignArithmeticException(own, taken);
    }
  }

  private static void requireNonce(long given, long round, @Nullable Verdict before)
      throws MalformedRecordException {
    requireNonce(given, round, before == null ? 0 : before.getNonce());
  }

  /**
   * Requires that a gradient answers an order of its round.
   *
   * @param expected nonce of the verdict of the round before
   * @throws MalformedRecordException if it does not
   */
  public static void requireNonce(long given, long round, long expected)
      throws MalformedRecordException {
    if (given != expected) {
      throw new MalformedRecordException(
          "nonce %016x, but orders of round %d have %016x: no answer to an order of this round"
              .formatted(given, round, expected));
    }
  }

  /** The running squared norms after a round, from those before it and the round's own. */
  static List<Double> running(@Nullable Verdict before, double[] slotSquaredMean) {
    final var running = new ArrayList<Double>();
    for (int task = 0; task < slotSquaredMean.length; task++) {
      running.add(
          before == null || before.getRunningSquaredCount() == 0
              ? slotSquaredMean[task]
              : (1 - NEWEST) * before.getRunningSquared(task) + NEWEST * slotSquaredMean[task]);
    }
    return running;
  }

  /** A number that nobody can know before the round's losses and inner products are known. */
  static long nonce(Verdict.Builder verdict) {
    return Stream.of(
            List.of((double) verdict.getRound(), verdict.getUpdateNorm()),
            verdict.getLossesList(),
            verdict.getGramList(),
            verdict.getSlotSquaredMeanList())
        .flatMap(List::stream)
        .mapToLong(Double::doubleToLongBits)
        .reduce(verdict.getManifest(), (hash, bits) -> SplitMix64.next(hash ^ bits));
  }

  /**
   * The same for a round that was skipped, of which nobody knows what was refused before it was.
   */
  static long nonceOfSkipped(Verdict.Builder verdict) {
    return SplitMix64.next(
        verdict.getContributions().asReadOnlyByteBuffer().getLong()
            ^ SplitMix64.next(verdict.getManifest() ^ verdict.getRound()));
  }
}
