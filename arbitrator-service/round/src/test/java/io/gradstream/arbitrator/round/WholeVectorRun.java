package io.gradstream.arbitrator.round;

import io.gradstream.arbitrator.calibrator.Calibration;
import io.gradstream.arbitrator.calibrator.Calibrator;
import io.gradstream.arbitrator.calibrator.Calibrators;
import io.gradstream.arbitrator.calibrator.RowNumbers;
import io.gradstream.arbitrator.resolver.Arbitration;
import io.gradstream.arbitrator.resolver.ElementwiseResolver;
import io.gradstream.arbitrator.resolver.GroupStatistics;
import io.gradstream.arbitrator.resolver.MethodState;
import io.gradstream.arbitrator.resolver.Resolution;
import io.gradstream.arbitrator.resolver.Resolver;
import io.gradstream.arbitrator.resolver.Resolvers;
import io.gradstream.arbitrator.resolver.RoundStatistics;
import io.gradstream.arbitrator.resolver.SquareSums;
import io.gradstream.arbitrator.selection.Selections;
import io.gradstream.arbitrator.selection.SelectiveOptimization;
import io.gradstream.proto.spec.Momentum;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.spec.SlotGroups;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.DoubleStream;
import org.jspecify.annotations.Nullable;

/**
 * The same run as it reads in the papers: whole vectors in float64, accumulated, calibrated,
 * resolved, with momentum and clipped, one after the other. Each group of slots is a run of its own
 * up to the resolver's answer; their answers are averaged over the slots.
 */
final class WholeVectorRun {
  private static final int TASKS = MadeUpGradients.TASKS;
  private static final int SHARED = MadeUpGradients.shared();

  private final RunSpec spec;
  private final MadeUpGradients gradients;
  private final Calibrator calibrator;
  private final Resolver resolver;
  private final SlotGroups groups;
  private final @Nullable SelectiveOptimization gate;
  private final double[][][] memories;
  private final double[] momentum = new double[MadeUpGradients.size()];
  private final double[][][] previous;
  private final double[][][] squares;
  private final List<Arbitration> arbitrations = new ArrayList<>();
  private final MethodState[] states;
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
    this.groups = spec.slots().groups(0);
    this.memories = new double[groups.count()][TASKS][SHARED];
    this.previous = new double[groups.count()][TASKS][SHARED];
    this.squares = new double[groups.count()][TASKS][SHARED];
    this.states = new MethodState[groups.count()];
    Arrays.fill(states, resolver.initialState(TASKS));
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
    final double[] unified = scalarized ? accumulated(TASKS, 0, 1) : resolved();
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
    return loss(task, 0, 1);
  }

  /** Mean over every so many slots from a first one on. */
  private double loss(int task, int first, int step) {
    double loss = 0;
    int slots = 0;
    for (int slot = first; slot < spec.slots().of(task); slot += step) {
      loss += gradients.loss(round, task, slot);
      slots++;
    }
    return loss / slots;
  }

  /** Mean over every so many slots from a first one on, loss-weighted. */
  private double[] accumulated(int task, int first, int step) {
    final var mean = new double[MadeUpGradients.size()];
    final double weight = task == TASKS ? 1 : spec.tasks().get(task).weight();
    int slots = 0;
    for (int slot = first; slot < spec.slots().of(task); slot += step) {
      final float[] gradient = gradients.of(round, task, slot);
      for (int d = 0; d < mean.length; d++) {
        mean[d] += weight * gradient[d];
      }
      slots++;
    }
    final int all = slots;
    Arrays.setAll(mean, d -> mean[d] / all);
    return mean;
  }

  private double[] resolved() {
    final var unified = new double[MadeUpGradients.size()];
    for (int task = 0; task < TASKS; task++) {
      final double[] gradient = accumulated(task, 0, 1);
      for (int d = SHARED; d < gradient.length; d++) {
        unified[d] += gradient[d];
      }
    }
    final double[] shares = resolver.sampleShares();
    if (shares.length > 0) {
      System.arraycopy(ofSamples(shares), 0, unified, 0, SHARED);
      return unified;
    }
    arbitrations.clear();
    for (int group = 0; group < groups.count(); group++) {
      final double share = groups.share(group);
      final double[] answer = ofGroup(group);
      for (int d = 0; d < SHARED; d++) {
        unified[d] += share * answer[d];
      }
    }
    joint++;
    return unified;
  }

  private double[] ofGroup(int group) {
    final double[] weighted = new double[TASKS];
    final double[][] shared = ofGroup(group, weighted);
    calibrate(shared, weighted, group);
    final long seed = GroupStatistics.seedOf(spec.seed(), group);
    final Resolution resolution =
        resolver.resolve(
            new RoundStatistics(
                    round,
                    TASKS,
                    products(shared, shared),
                    products(shared, previous[group]),
                    weighted,
                    seed)
                .withExcess(SquareSums.next(squares[group], shared)),
            states[group]);
    states[group] = resolution.state();
    arbitrations.addAll(resolution.arbitrations());
    previous[group] = shared;
    return combined(shared, resolution.weights(), seed);
  }

  private double[][] ofGroup(int group, double[] losses) {
    final var shared = new double[TASKS][];
    for (int task = 0; task < TASKS; task++) {
      losses[task] = loss(task, group, groups.count()) * spec.tasks().get(task).weight();
      shared[task] = Arrays.copyOf(accumulated(task, group, groups.count()), SHARED);
    }
    return shared;
  }

  /** As the papers of two or three independent samples have it. */
  private double[] ofSamples(double[] shares) {
    final var samples = new double[shares.length][][];
    final var combined = new double[TASKS][SHARED];
    for (int sample = 0; sample < shares.length; sample++) {
      samples[sample] = ofGroup(sample, new double[TASKS]);
      for (int task = 0; task < TASKS; task++) {
        for (int d = 0; d < SHARED; d++) {
          combined[task][d] += shares[sample] * samples[sample][task][d];
        }
      }
    }
    final double[] losses = new double[TASKS];
    Arrays.setAll(losses, task -> loss(task) * spec.tasks().get(task).weight());
    final Resolution resolution =
        resolver.resolve(
            new RoundStatistics(
                round,
                TASKS,
                products(combined, combined),
                new double[TASKS][TASKS],
                losses,
                spec.seed(),
                products(samples[0], samples[1]),
                new double[0]),
            states[0]);
    states[0] = resolution.state();
    return combined(combined, resolution.weights(), spec.seed());
  }

  private void calibrate(double[][] shared, double[] losses, int group) {
    if (calibrator.remembers()) {
      final double[][] memory = memories[group];
      final double[] norms = new double[TASKS];
      final double[] withMemory = new double[TASKS];
      final double[] squared = new double[TASKS];
      final double[] variance = new double[TASKS];
      for (int task = 0; task < TASKS; task++) {
        norms[task] = Math.sqrt(product(shared[task], shared[task]));
        withMemory[task] = product(shared[task], memory[task]);
        squared[task] = product(memory[task], memory[task]);
        variance[task] = variance(task) / spec.slots().groups(task).slotsOf(group);
      }
      final Calibration calibration =
          calibrator.calibrate(new RowNumbers(joint, norms, losses, withMemory, squared, variance));
      for (int task = 0; task < TASKS; task++) {
        calibration.apply(task, shared[task], memory[task]);
      }
    }
  }

  /** Of one slot's loss-weighted gradient over the shared parameters. */
  private double variance(int task) {
    final double[] mean = accumulated(task, 0, 1);
    double variance = 0;
    final int slots = spec.slots().of(task);
    for (int slot = 0; slot < slots; slot++) {
      final float[] gradient = gradients.of(round, task, slot);
      for (int d = 0; d < SHARED; d++) {
        final double difference = spec.tasks().get(task).weight() * gradient[d] - mean[d];
        variance += difference * difference / (slots - 1);
      }
    }
    return variance;
  }

  private double[] combined(double[][] shared, double[] weights, long seed) {
    final var update = new double[SHARED];
    if (resolver instanceof ElementwiseResolver elementwise) {
      elementwise.combine(seed, round, 0, shared, update);
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
