package io.gradstream.arbitrator.round;

import io.gradstream.arbitrator.calibrator.Calibration;
import io.gradstream.arbitrator.calibrator.Calibrator;
import io.gradstream.arbitrator.calibrator.Calibrators;
import io.gradstream.arbitrator.resolver.Arbitration;
import io.gradstream.arbitrator.resolver.ElementwiseResolver;
import io.gradstream.arbitrator.resolver.MethodState;
import io.gradstream.arbitrator.resolver.Resolution;
import io.gradstream.arbitrator.resolver.Resolver;
import io.gradstream.arbitrator.resolver.Resolvers;
import io.gradstream.arbitrator.resolver.RoundStatistics;
import io.gradstream.arbitrator.selection.Selections;
import io.gradstream.arbitrator.selection.SelectiveOptimization;
import io.gradstream.proto.spec.Momentum;
import io.gradstream.proto.spec.RunSpec;
import java.util.Arrays;
import java.util.List;
import java.util.stream.DoubleStream;
import org.jspecify.annotations.Nullable;

/**
 * The same run as it reads in the papers: whole vectors in float64, accumulated, calibrated,
 * resolved, with momentum and clipped, one after the other.
 */
final class WholeVectorRun {
  private static final int TASKS = MadeUpGradients.TASKS;
  private static final int SHARED = MadeUpGradients.shared();

  private final RunSpec spec;
  private final MadeUpGradients gradients;
  private final Calibrator calibrator;
  private final Resolver resolver;
  private final @Nullable SelectiveOptimization gate;
  private final double[][] memories = new double[TASKS][SHARED];
  private final double[] momentum = new double[MadeUpGradients.size()];
  private double[][] previous = new double[TASKS][SHARED];
  private List<Arbitration> arbitrations = List.of();
  private MethodState state;
  private MethodState gateState;
  private boolean scalarized;
  private long round;
  private long joint;

  WholeVectorRun(RunSpec spec) {
    this.spec = spec;
    this.gradients = new MadeUpGradients(spec);
    this.calibrator = Calibrators.create(spec.calibrator());
    this.resolver = Resolvers.create(spec.resolver());
    this.gate = Selections.create(spec.selection()).orElse(null);
    this.state = resolver.initialState(TASKS);
    this.gateState = gate == null ? MethodState.EMPTY : gate.initialState(TASKS);
  }

  /** Whether the next round takes scalarized gradients. */
  boolean scalarized() {
    return scalarized;
  }

  /** Both scores of each conflict that the last joint round resolved. */
  double[] scores() {
    return arbitrations.stream()
        .flatMapToDouble(pair -> DoubleStream.of(pair.firstScore(), pair.secondScore()))
        .toArray();
  }

  /** The flat vector that the optimizer gets of the next round. */
  double[] next() {
    final double[] losses = new double[TASKS];
    Arrays.setAll(losses, this::loss);
    final double[] unified = scalarized ? accumulated(TASKS) : resolved(losses);
    if (gate != null) {
      final var next = gate.decide(losses, gateState);
      gateState = next.state();
      scalarized = !next.joint();
    }
    final boolean integrated = spec.momentum().mode() == Momentum.Mode.INTEGRATED;
    final double beta = integrated ? spec.momentum().beta() : 0;
    round++;
    final double[] update = new double[unified.length];
    double squared = 0;
    for (int d = 0; d < update.length; d++) {
      momentum[d] = beta * momentum[d] + (1 - beta) * unified[d];
      update[d] = momentum[d] / (1 - Math.pow(beta, (double) round));
      squared += update[d] * update[d];
    }
    final Double limit = spec.clipNorm();
    final double clip = limit == null ? 1 : Math.min(1, limit / Math.sqrt(squared));
    Arrays.setAll(update, d -> clip * update[d]);
    return update;
  }

  private double loss(int task) {
    double loss = 0;
    final int slots = spec.accumulation().microBatches();
    for (int slot = 0; slot < slots; slot++) {
      loss += gradients.loss(round, task, slot) / slots;
    }
    return loss;
  }

  /** Mean over the slots, loss-weighted. */
  private double[] accumulated(int task) {
    final var mean = new double[MadeUpGradients.size()];
    final int slots = spec.accumulation().microBatches();
    final double weight = task == TASKS ? 1 : spec.tasks().get(task).weight();
    for (int slot = 0; slot < slots; slot++) {
      final float[] gradient = gradients.of(round, task, slot);
      for (int d = 0; d < mean.length; d++) {
        mean[d] += weight * gradient[d] / slots;
      }
    }
    return mean;
  }

  private double[] resolved(double[] losses) {
    final double[] weighted = new double[TASKS];
    Arrays.setAll(weighted, task -> losses[task] * spec.tasks().get(task).weight());
    final var unified = new double[MadeUpGradients.size()];
    final var shared = new double[TASKS][];
    for (int task = 0; task < TASKS; task++) {
      final double[] gradient = accumulated(task);
      shared[task] = Arrays.copyOf(gradient, SHARED);
      for (int d = SHARED; d < gradient.length; d++) {
        unified[d] += gradient[d];
      }
    }
    calibrate(shared, weighted);
    final Resolution resolution =
        resolver.resolve(
            new RoundStatistics(
                round,
                TASKS,
                products(shared, shared),
                products(shared, previous),
                weighted,
                spec.seed()),
            state);
    state = resolution.state();
    arbitrations = resolution.arbitrations();
    previous = shared;
    joint++;
    System.arraycopy(combined(shared, resolution.weights()), 0, unified, 0, SHARED);
    return unified;
  }

  private void calibrate(double[][] shared, double[] losses) {
    if (calibrator.remembers()) {
      final double[] norms = new double[TASKS];
      Arrays.setAll(norms, task -> Math.sqrt(product(shared[task], shared[task])));
      final Calibration calibration = calibrator.calibrate(joint, norms, losses);
      for (int task = 0; task < TASKS; task++) {
        calibration.apply(task, shared[task], memories[task]);
      }
    }
  }

  private double[] combined(double[][] shared, double[] weights) {
    final var update = new double[SHARED];
    if (resolver instanceof ElementwiseResolver elementwise) {
      elementwise.combine(spec.seed(), round, 0, shared, update);
      return update;
    }
    for (int task = 0; task < TASKS; task++) {
      for (int d = 0; d < SHARED; d++) {
        update[d] += weights[task] * shared[task][d];
      }
    }
    return update;
  }

  private static double[][] products(double[][] rows, double[][] columns) {
    final var products = new double[TASKS][TASKS];
    for (int i = 0; i < TASKS; i++) {
      for (int j = 0; j < TASKS; j++) {
        products[i][j] = product(rows[i], columns[j]);
      }
    }
    return products;
  }

  private static double product(double[] x, double[] y) {
    double product = 0;
    for (int d = 0; d < x.length; d++) {
      product += x[d] * y[d];
    }
    return product;
  }
}
