package io.gradstream.cli.progress;

import io.gradstream.audit.replay.Comparison;
import io.gradstream.proto.message.Metric;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.record.VerdictGram;
import io.gradstream.proto.spec.ArithmeticPolicy;
import io.gradstream.proto.spec.TaskSlots;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A run so far, summed up record by record. It knows no Kafka: a reader hands it the records of
 * each topic in order, and a record that comes twice counts once. One thread.
 */
public final class RunSummary {
  /**
   * The pair of tasks that conflict most in a round.
   *
   * @param zone how the resolver called the conflict; empty if it left the pair alone
   */
  public record Conflict(int first, int second, double cosine, String zone) {}

  /**
   * A round that was reported to stand still.
   *
   * @param sinceMs when it last moved
   * @param waiting what it waits for, by the newest report
   */
  public record Standstill(long sinceMs, Metric.Waiting waiting) {}

  private final List<String> tasks;
  private final TaskSlots slots;
  private final SignalToNoise signalToNoise;
  private final GroupVariance variance;
  private final TimeShares time = new TimeShares();
  private final ArithmeticsSeen arithmetics = new ArithmeticsSeen();
  private final SortedMap<Long, Metric.Validation> validations = new TreeMap<>();
  private final long[][] conflicts;
  private double smallest = Double.POSITIVE_INFINITY;
  private double[] firstLosses = {};
  private double[] lastLosses = {};
  private final long first;
  private long rounds;
  private long gone;
  private long jointRounds;
  private long firstOrderMs;
  private long lastVerdictMs;
  private @Nullable Conflict conflict;
  private final TreeMap<Long, Standstill> standstills = new TreeMap<>();
  private Metric lastWaiting = Metric.getDefaultInstance();
  private final RefusedSlots refused = new RefusedSlots();
  private final TreeMap<Long, ShardStatistics.Divergence> divergences = new TreeMap<>();
  private final RoundCounter skipped = new RoundCounter();
  private Verdict lastSkipped = Verdict.getDefaultInstance();
  private int skippedInARow;
  private final RoundCounter withoutAnswer = new RoundCounter();
  private final RoundCounter withoutUpdate = new RoundCounter();
  private String lastFallback = "";
  private final SortedMap<Verdict.Fallback, Long> fallbacks = new TreeMap<>();
  private long contradictions;
  private Metric.Contradiction lastContradiction = Metric.Contradiction.getDefaultInstance();
  private double smallestLoss = Double.POSITIVE_INFINITY;
  private long bestVersion;
  private long arithmetic = ArithmeticPolicy.NONE;

  /**
   * @param tasks task names, in manifest order
   * @param slots how many slots each task has in a round
   * @param first the first round, above 0 in a forked run
   */
  public RunSummary(List<String> tasks, TaskSlots slots, long first) {
    this.tasks = List.copyOf(tasks);
    this.slots = slots;
    this.first = first;
    this.rounds = first;
    this.signalToNoise = new SignalToNoise(tasks.size(), slots);
    this.variance = new GroupVariance(tasks.size());
    this.conflicts = new long[tasks.size()][tasks.size()];
  }

  /**
   * Begins with a later round than the run's first: retention took the verdicts before it. To be
   * called before the first verdict.
   */
  void beginAt(long round) {
    gone = round - first;
    rounds = round;
  }

  /** An order of a round was issued. */
  void order(long round, long timeMs) {
    if (firstOrderMs == 0) {
      firstOrderMs = timeMs;
    }
    time.order(round, timeMs);
  }

  void statistics(ShardStatistics statistics, long timeMs) {
    time.statistics(statistics, timeMs);
    arithmetics.add(statistics);
    if (statistics.getDivergence().getRefusedCount() > 0 && statistics.getRound() >= rounds) {
      divergences.put(statistics.getRound(), statistics.getDivergence());
    }
  }

  void verdict(Verdict verdict, long timeMs) {
    time.verdict(verdict.getRound(), timeMs);
    if (verdict.getRound() != rounds) {
      return; // re-emitted after a restart
    }
    rounds++;
    lastVerdictMs = timeMs;
    arithmetic = verdict.getFingerprint();
    standstills.headMap(rounds, false).clear();
    refused.dropBefore(rounds);
    divergences.headMap(rounds, false).clear();
    skipped.add(verdict.getSkipped());
    skippedInARow = verdict.getSkippedInARow();
    if (verdict.getSkipped()) {
      lastSkipped = verdict;
      return; // it has no losses, and nothing was weighed
    }
    withoutAnswer.add(!verdict.getFallback().isEmpty());
    withoutUpdate.add(isZero(verdict));
    if (!verdict.getFallback().isEmpty()) {
      lastFallback = verdict.getFallback();
      fallbacks.merge(verdict.getFallbackCode(), 1L, Long::sum);
    }
    lastLosses = verdict.getLossesList().stream().mapToDouble(Double::doubleValue).toArray();
    if (firstLosses.length == 0) {
      firstLosses = lastLosses;
    }
    final double sum = Arrays.stream(lastLosses).sum();
    if (sum < smallestLoss) {
      smallestLoss = sum;
      bestVersion = verdict.getRound();
    }
    if (!verdict.getScalarized()) {
      jointRounds++;
      countConflicts(verdict);
      signalToNoise.add(verdict);
      variance.add(verdict);
    }
  }

  void metric(Metric metric) {
    switch (metric.getValueCase()) {
      case VALIDATION ->
          validations.put(metric.getValidation().getVersion(), metric.getValidation());
      case WAITING -> {
        if (metric.getTimeMs() > lastWaiting.getTimeMs()) {
          lastWaiting = metric;
        }
        // Topics are read in any order, so the verdict of the round before may come later.
        if (metric.getWaiting().getRound() >= rounds) {
          standstills.put(
              metric.getWaiting().getRound(),
              new Standstill(
                  metric.getTimeMs() - metric.getWaiting().getWaitedMs(), metric.getWaiting()));
        }
      }
      case REFUSED -> {
        if (metric.getRefused().getRound() >= rounds) {
          refused.add(metric.getRefused());
        }
      }
      case CONTRADICTION -> {
        contradictions++;
        lastContradiction = metric.getContradiction();
      }
      case VALUE_NOT_SET -> {}
    }
  }

  private void countConflicts(Verdict verdict) {
    final int n = tasks.size();
    final VerdictGram gram = VerdictGram.of(verdict).orElse(null);
    Conflict worst = null;
    for (int i = 0; gram != null && gram.tasks() == n && i < n; i++) {
      for (int j = i + 1; j < n; j++) {
        final double cosine = gram.cosine(i, j).orElse(0);
        if (cosine < 0) {
          conflicts[i][j]++;
        }
        if (worst == null || cosine < worst.cosine()) {
          worst = new Conflict(i, j, cosine, zone(verdict, i, j));
        }
      }
    }
    conflict = worst;
    if (worst != null) {
      smallest = Math.min(smallest, worst.cosine());
    }
  }

  private static String zone(Verdict verdict, int i, int j) {
    for (final var arbitration : verdict.getArbitrationsList()) {
      if (Math.min(arbitration.getFirst(), arbitration.getSecond()) == i
          && Math.max(arbitration.getFirst(), arbitration.getSecond()) == j) {
        return arbitration.getZone();
      }
    }
    return "";
  }

  public List<String> tasks() {
    return tasks;
  }

  /** Rounds that have a verdict. */
  public long rounds() {
    return rounds;
  }

  /** Rounds of this run that are over: in a forked run without those of its origin. */
  public long seenRounds() {
    return rounds - first;
  }

  /**
   * Rounds whose verdicts were gone before they were read. What is counted or averaged lacks them.
   */
  public long goneRounds() {
    return gone;
  }

  /** Rounds whose verdicts were read: those that are over without those that are gone. */
  public long readRounds() {
    return seenRounds() - gone;
  }

  /** Rounds that were decided: those whose verdicts were read without those that were skipped. */
  public long decidedRounds() {
    return readRounds() - skipped.all();
  }

  /** Rounds that were skipped, because a slot's gradient was not finite. */
  public RoundCounter skipped() {
    return skipped;
  }

  /** Which round was skipped last, and why; nothing is said where none was. */
  public Verdict lastSkipped() {
    return lastSkipped;
  }

  /** How many of the newest rounds were skipped, one after the other. */
  public int skippedInARow() {
    return skippedInARow;
  }

  /** Why the open round cannot end, by what the arbitrator found; empty where it may. */
  public Optional<ShardStatistics.Divergence> divergence() {
    return Optional.ofNullable(divergences.get(rounds));
  }

  /** Rounds of one gradient per task; the others took one gradient of the summed loss. */
  public long jointRounds() {
    return jointRounds;
  }

  /** Gradients that the decided rounds were made of: one a slot, of each task in a joint round. */
  public long gradientEvaluations() {
    return slots.ofAll() * jointRounds + slots.of(tasks.size()) * (decidedRounds() - jointRounds);
  }

  /** |G|^2 over tr(Sigma) of a task's gradients on one micro-batch; empty if it cannot be told. */
  public OptionalDouble signalToNoise(int task) {
    return signalToNoise.ratio(task);
  }

  /**
   * Variance of one micro-batch's loss-weighted gradient of a task over the shared parameters, as
   * groups of micro-batches show it; empty where a run has none.
   */
  public OptionalDouble gradientVariance(int task) {
    return variance.ofGradient(task);
  }

  /** Which share of that variance calibration left; empty where nothing is calibrated. */
  public OptionalDouble varianceLeft(int task) {
    return variance.shareLeft(task);
  }

  /** Which share of its first training loss a task has lost; empty if that was not above 0. */
  public OptionalDouble improvement(int task) {
    return decidedRounds() > 0 && firstLosses[task] > 0
        ? OptionalDouble.of((firstLosses[task] - lastLosses[task]) / firstLosses[task])
        : OptionalDouble.empty();
  }

  /** Training loss of each task in the first round that was read; empty before it. */
  public double[] firstLosses() {
    return firstLosses.clone();
  }

  /** Training loss of each task in the newest round. */
  public double[] lastLosses() {
    return lastLosses.clone();
  }

  /** The conflict of the newest joint round; empty with a single task or before the first round. */
  public Optional<Conflict> conflict() {
    return Optional.ofNullable(conflict);
  }

  /** The smallest cosine of all rounds; infinite with a single task. */
  public double smallestCosine() {
    return smallest;
  }

  /** In which share of the joint rounds two tasks' gradients pointed against each other, 0 to 1. */
  public double conflictRatio(int first, int second) {
    return jointRounds == 0
        ? 0
        : conflicts[Math.min(first, second)][Math.max(first, second)] / (double) jointRounds;
  }

  /** The mean of {@link #conflictRatio(int, int)} over all pairs; 0 with a single task. */
  public double conflictRatio() {
    final int n = tasks.size();
    double sum = 0;
    for (int i = 0; i < n; i++) {
      for (int j = i + 1; j < n; j++) {
        sum += conflictRatio(i, j);
      }
    }
    return n < 2 ? 0 : sum / (n * (n - 1) / 2.0);
  }

  /** Validation losses by weights version. */
  public SortedMap<Long, Metric.Validation> validations() {
    return new TreeMap<>(validations);
  }

  /** What the newest round waits for, if it was reported to stand still. */
  public Optional<Standstill> standstill() {
    return Optional.ofNullable(standstills.get(rounds));
  }

  /**
   * The round of the newest report, if it waits for slots although it was decided: the arbitrator
   * sums it once more, and may never have what it needs.
   */
  public OptionalLong decidedRoundWaitedFor() {
    final Metric.Waiting waiting = lastWaiting.getWaiting();
    return waiting.getSlotsCount() > 0
            && waiting.getRound() < rounds
            && lastWaiting.getTimeMs() > lastVerdictMs
        ? OptionalLong.of(waiting.getRound())
        : OptionalLong.empty();
  }

  /** The slot of the open round that was refused most often; empty if none was. */
  public Optional<RefusedSlots.Refusal> refusal() {
    return refused.mostOften(rounds);
  }

  /** Gradients with other values than those that counted for their slot and shard. */
  public long contradictions() {
    return contradictions;
  }

  /** The newest of them; the default instance if there was none. */
  public Metric.Contradiction lastContradiction() {
    return lastContradiction;
  }

  /** The version whose gradients had the smallest losses, all tasks together. */
  public long bestVersion() {
    return bestVersion;
  }

  /** Rounds in which the method had no answer and its documented fallback was used. */
  public RoundCounter withoutAnswer() {
    return withoutAnswer;
  }

  /**
   * The method's reason in the newest round in which it had no answer; empty if it always had one.
   */
  public String lastFallback() {
    return lastFallback;
  }

  /**
   * In how many rounds the method's fallback was used, by the kind of reason; {@code NONE} counts
   * the rounds of logs that have no codes.
   */
  public SortedMap<Verdict.Fallback, Long> fallbacks() {
    return fallbacks;
  }

  /** Rounds in which no parameter that tasks share was moved. */
  public RoundCounter withoutUpdate() {
    return withoutUpdate;
  }

  /**
   * When the newest verdict came, in milliseconds since 1970; before it the first order; else 0.
   */
  public long lastMovedMs() {
    return Math.max(firstOrderMs, lastVerdictMs);
  }

  private static boolean isZero(Verdict verdict) {
    return (verdict.hasUpdateNorm() && verdict.getUpdateNorm() == 0)
        || Comparison.isCollapsed(verdict);
  }

  /** What the gradients were computed with. */
  public ArithmeticsSeen arithmetics() {
    return arithmetics;
  }

  /**
   * The fingerprint that the run takes alone, as its newest verdict says; {@link
   * ArithmeticPolicy#NONE} where it takes any, or has not decided yet.
   */
  public long arithmetic() {
    return arithmetic;
  }

  public TimeShares.Seconds time() {
    return time.seconds();
  }

  /** Seconds from the first order to the newest verdict, pauses included. */
  public double secondsSinceStart() {
    return readRounds() == 0 ? 0 : Math.max(0, lastVerdictMs - firstOrderMs) / 1e3;
  }
}
