package io.gradstream.arbitrator.round;

import io.gradstream.arbitrator.calibrator.Calibration;
import io.gradstream.arbitrator.calibrator.Calibrator;
import io.gradstream.arbitrator.calibrator.Calibrators;
import io.gradstream.arbitrator.resolver.Arbitration;
import io.gradstream.arbitrator.resolver.MethodState;
import io.gradstream.arbitrator.resolver.Resolution;
import io.gradstream.arbitrator.resolver.Resolver;
import io.gradstream.arbitrator.resolver.RoundStatistics;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.spec.Momentum;
import io.gradstream.proto.spec.RunSpec;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The one place that decides: collects a round's statistics, lets the resolver weigh the tasks, and
 * writes the verdict that every partition follows.
 *
 * <p>Sums over slots become accumulated gradients here, by numbers alone: task i's scale is its
 * loss weight over its slots. With integrated momentum {@code m = beta*m + (1-beta)*u} and the bias
 * correction {@code 1/(1-beta^t)}, the norm of what the optimizer will get follows from the
 * statistics before any vector is touched, which makes clipping by the global norm exact.
 *
 * <p>The verdict carries the method's state, so the log of verdicts is all the state there is. One
 * owner, one thread.
 */
public final class RoundDecider {
  private final RunSpec spec;
  private final Manifest manifest;
  private final Resolver resolver;
  private final Calibrator calibrator;
  private final double[] scales;
  private final RoundTotals totals;
  private MethodState state;
  private long round;
  private @Nullable Verdict last;

  public RoundDecider(RunSpec spec, Manifest manifest, Resolver resolver) {
    final int slots = spec.accumulation().slots(spec.tasks().size());
    this.spec = spec;
    this.manifest = manifest;
    this.resolver = resolver;
    this.calibrator = Calibrators.create(spec.calibrator());
    this.scales = Elementwise.scales(spec);
    this.totals = new RoundTotals(manifest, slots, calibrator.needsNorms() ? 2 : 1);
    this.state = resolver.initialState(spec.tasks().size());
  }

  /** Goes on after a verdict that was published before. */
  public void restore(Verdict verdict) {
    final var values = new HashMap<String, double[]>();
    verdict
        .getStateMap()
        .forEach((name, vector) -> values.put(name, toArray(vector.getValuesList())));
    state = new MethodState(values);
    round = verdict.getRound() + 1;
    last = verdict;
    totals.clear();
  }

  /** The round that is to be decided next. */
  public long round() {
    return round;
  }

  /** The verdict of the round before, if there was one. */
  public Optional<Verdict> last() {
    return Optional.ofNullable(last);
  }

  /**
   * Takes in some shards' statistics of the round that is to be decided.
   *
   * @param offset where they lie on their topic
   * @return the verdict, once all shards are in
   */
  public Optional<Verdict> add(ShardStatistics statistics, long offset) {
    if (statistics.getRound() != round) {
      throw new IllegalArgumentException(
          "statistics of round %d in round %d".formatted(statistics.getRound(), round));
    }
    totals.add(statistics);
    return totals.complete() ? Optional.of(decide(offset)) : Optional.empty();
  }

  private Verdict decide(long offset) {
    final double[] losses = totals.losses();
    final double[] weighted = new double[losses.length];
    Arrays.setAll(weighted, task -> losses[task] * spec.tasks().get(task).weight());
    final Calibrated calibrated = calibrate(weighted);
    final double[][] gram = calibrated.gram();
    final Resolution resolution =
        resolver.resolve(
            new RoundStatistics(
                round, losses.length, gram, scaled(totals.cross()), weighted, spec.seed()),
            state);
    final double[] weights =
        resolution.weights().length == 0 ? ones(losses.length) : resolution.weights();

    final boolean integrated = spec.momentum().mode() == Momentum.Mode.INTEGRATED;
    final double beta = integrated ? spec.momentum().beta() : 0;
    final double correction = integrated ? 1 - Math.pow(beta, round + 1.0) : 1;
    final double norm = Math.sqrt(squaredNormAfter(weights, calibrated, beta)) / correction;
    final double clip = clipFactor(norm);

    final var verdict =
        Verdict.newBuilder()
            .setRound(round)
            .setManifest(manifest.hash())
            .setMomentumBeta((float) beta)
            .setOutputScale((float) (clip / correction))
            .setResolver(spec.resolver().kind())
            .setStatisticsOffset(offset + 1)
            .setClipFactor(clip)
            .setUpdateNorm(norm * clip);
    for (int task = 0; task < losses.length; task++) {
      final double weight = weights[task];
      verdict
          .addSharedCoefficients((float) ((1 - beta) * weight * scales[task]))
          .addOwnCoefficients((float) ((1 - beta) * scales[task]))
          .addWeights(weight)
          .addLosses(losses[task])
          .addNorms(Math.sqrt(gram[task][task]));
      for (int other = 0; other < losses.length; other++) {
        verdict.addGram(gram[task][other]);
      }
    }
    explain(verdict, resolution);
    if (calibrated.numbers() != null) {
      verdict.setCalibration(toRecord(calibrated.numbers()));
    }
    Arrays.stream(totals.slotSquaredMean()).forEach(verdict::addSlotSquaredMean);
    final Verdict decided = verdict.build();
    restore(decided);
    return decided;
  }

  private static Verdict.Calibration toRecord(Calibration numbers) {
    final var record = Verdict.Calibration.newBuilder();
    Arrays.stream(numbers.keep()).forEach(record::addKeep);
    Arrays.stream(numbers.take()).forEach(record::addTake);
    Arrays.stream(numbers.direct()).forEach(record::addDirect);
    Arrays.stream(numbers.remembered()).forEach(record::addRemembered);
    return record.build();
  }

  private static void explain(Verdict.Builder verdict, Resolution resolution) {
    for (final Arbitration arbitration : resolution.arbitrations()) {
      verdict
          .addArbitrationsBuilder()
          .setFirst(arbitration.first())
          .setSecond(arbitration.second())
          .setCosine(arbitration.cosine())
          .setZone(arbitration.zone().label())
          .setWinner(arbitration.winner())
          .setFirstScore(arbitration.firstScore())
          .setSecondScore(arbitration.secondScore())
          .setForced(arbitration.forced());
    }
    resolution.details().forEach((name, values) -> verdict.putDetails(name, toVector(values)));
    resolution.state().values().forEach((name, values) -> verdict.putState(name, toVector(values)));
    final String fallback = resolution.fallback();
    if (fallback != null) {
      verdict.setFallback(fallback);
    }
  }

  /**
   * What the resolver sees.
   *
   * @param gram N x N, of the calibrated gradients
   * @param momentum N, their inner products with the momentum
   * @param numbers how they are calibrated, where the verdict has to say it
   */
  private record Calibrated(
      double[][] gram, double[] momentum, @Nullable Calibration numbers) {}

  /** With a calibrator that needs norms, rows are gradients and then memories; else gradients. */
  private Calibrated calibrate(double[] losses) {
    final double[][] rows = scaled(totals.gram());
    final double[] momentum = totals.momentum();
    final int tasks = losses.length;
    for (int row = 0; row < momentum.length; row++) {
      momentum[row] *= scales[row % tasks];
    }
    if (!calibrator.needsNorms()) {
      return new Calibrated(rows, momentum, null);
    }
    final double[] norms = new double[tasks];
    Arrays.setAll(norms, task -> Math.sqrt(rows[task][task]));
    final Calibration numbers = calibrator.calibrate(round, norms, losses);
    final double[] calibrated = new double[tasks];
    Arrays.setAll(
        calibrated,
        task ->
            numbers.ofGradient(task) * momentum[task]
                + numbers.ofMemory(task) * momentum[tasks + task]);
    return new Calibrated(numbers.gram(rows), calibrated, numbers);
  }

  private static double[] ones(int n) {
    final double[] ones = new double[n];
    Arrays.fill(ones, 1);
    return ones;
  }

  /** |beta*m + (1-beta)*u|^2 over shared and own parameters, from inner products. */
  private double squaredNormAfter(double[] weights, Calibrated calibrated, double beta) {
    final double[][] gram = calibrated.gram();
    final double[] ownMomentum = totals.ownMomentum();
    final double[] ownSquared = totals.ownSquared();
    double squared = 0;
    double withMomentum = 0;
    for (int i = 0; i < weights.length; i++) {
      for (int j = 0; j < weights.length; j++) {
        squared += weights[i] * weights[j] * gram[i][j];
      }
      squared += scales[i] * scales[i] * ownSquared[i];
      withMomentum += weights[i] * calibrated.momentum()[i] + scales[i] * ownMomentum[i];
    }
    final double rest = 1 - beta;
    return Math.max(
        0,
        beta * beta * totals.momentumSquared()
            + 2 * beta * rest * withMomentum
            + rest * rest * squared);
  }

  private double clipFactor(double norm) {
    final Double limit = spec.clipNorm();
    return limit == null || norm <= limit ? 1 : limit / norm;
  }

  private double[][] scaled(double[][] products) {
    for (int i = 0; i < products.length; i++) {
      for (int j = 0; j < products.length; j++) {
        products[i][j] *= scales[i % scales.length] * scales[j % scales.length];
      }
    }
    return products;
  }

  private static Verdict.Vector toVector(double[] values) {
    final var vector = Verdict.Vector.newBuilder();
    Arrays.stream(values).forEach(vector::addValues);
    return vector.build();
  }

  private static double[] toArray(List<Double> values) {
    return values.stream().mapToDouble(Double::doubleValue).toArray();
  }
}
