package io.gradstream.cli.toy;

import io.gradstream.arbitrator.resolver.ElementwiseResolver;
import io.gradstream.arbitrator.resolver.MethodState;
import io.gradstream.arbitrator.resolver.Resolution;
import io.gradstream.arbitrator.resolver.Resolver;
import io.gradstream.arbitrator.resolver.Resolvers;
import io.gradstream.arbitrator.resolver.RoundStatistics;
import io.gradstream.arbitrator.resolver.SquareSums;
import io.gradstream.producer.loss.Landscape;
import io.gradstream.producer.loss.Objective;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.spec.Section;
import io.gradstream.server.optimizer.Optimizer;
import io.gradstream.server.optimizer.Optimizers;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * One resolver's way down the two-task landscape of CAGrad's toy experiment (Liu et al. 2021,
 * section 5): float32 weights, Adam with its own momentum at step size 1e-3, each step resolved by
 * the same classes as in a run.
 *
 * <p>Mutable, for one run on one thread.
 */
public final class Descent {
  /** Where the experiment starts, from its own code. */
  public static final List<Point> STARTS =
      List.of(new Point(-8.5, 7.5), new Point(-8.5, -5), new Point(9, 9));

  private static final long SEED = 1;

  private final List<Objective> objectives = List.of(new Landscape(0), new Landscape(1));
  private final Resolver resolver;
  private final Optimizer optimizer;
  private final MemorySegment weights = vector();
  private final MemorySegment update = vector();
  private final List<MemorySegment> moments;
  private final double[][] gradients = new double[2][2];
  private double[][] previous = new double[2][2];
  private final double[][] squares = new double[2][2];
  private MethodState state;

  /** A place in the landscape. */
  public record Point(double x1, double x2) {}

  /**
   * Where a method went.
   *
   * @param method its name
   * @param points every so many steps, the start first and the end last
   * @param losses of both tasks at the end
   */
  public record Trajectory(String method, List<Point> points, double[] losses) {
    public Trajectory {
      points = List.copyOf(points);
    }

    /** Mean of the two losses at the end. */
    public double meanLoss() {
      return (losses[0] + losses[1]) / 2;
    }

    /** Where it ended. */
    public Point end() {
      return points.getLast();
    }
  }

  private Descent(Section method, Point start) {
    this.resolver = Resolvers.create(method);
    this.optimizer =
        Optimizers.CATALOG
            .create(Section.of("adamw", Map.of("learning-rate", 1e-3, "weight-decay", 0.0)))
            .create(false, Kernels.scalar());
    this.state = resolver.initialState(2);
    this.moments = new ArrayList<>();
    for (int k = 0; k < optimizer.stateVectors(); k++) {
      moments.add(vector());
    }
    weights.setAtIndex(ValueType.FLOAT, 0, (float) start.x1());
    weights.setAtIndex(ValueType.FLOAT, 1, (float) start.x2());
  }

  /**
   * Runs a method from a start.
   *
   * @param method a resolver with its options
   * @param steps how many steps
   * @throws io.gradstream.proto.UserError if the method is unknown or an option is wrong
   */
  public static Trajectory run(Section method, Point start, int steps) {
    return new Descent(method, start).run(method.kind(), steps);
  }

  private Trajectory run(String name, int steps) {
    var points = new ArrayList<Point>();
    int every = Math.max(1, steps / 500);
    for (int step = 0; step < steps; step++) {
      if (step % every == 0) {
        points.add(point());
      }
      step(step);
    }
    points.add(point());
    return new Trajectory(name, points, evaluate());
  }

  private void step(long round) {
    double[] losses = evaluate();
    Resolution resolution =
        resolver.resolve(
            new RoundStatistics(
                    round,
                    2,
                    products(gradients, gradients),
                    products(gradients, previous),
                    losses,
                    SEED)
                .withExcess(SquareSums.next(squares, gradients)),
            state);
    state = resolution.state();
    double[] combined = combine(resolution, round);
    previous = new double[][] {gradients[0].clone(), gradients[1].clone()};
    update.setAtIndex(ValueType.FLOAT, 0, (float) combined[0]);
    update.setAtIndex(ValueType.FLOAT, 1, (float) combined[1]);
    var piece = new Optimizer.Piece(0, weights, update, ValueType.FLOAT32, moments, 2);
    optimizer.step(List.of(piece), round, 1);
  }

  private double[] combine(Resolution resolution, long round) {
    double[] combined = new double[2];
    if (resolver instanceof ElementwiseResolver elementwise) {
      elementwise.combine(SEED, round, 0, gradients, combined);
    } else {
      for (int d = 0; d < 2; d++) {
        for (int task = 0; task < 2; task++) {
          combined[d] += resolution.weights()[task] * gradients[task][d];
        }
      }
    }
    return combined;
  }

  /** Losses at the weights; the gradients are filled. */
  private double[] evaluate() {
    double[] at = {point().x1(), point().x2()};
    double[] losses = new double[2];
    for (int task = 0; task < 2; task++) {
      losses[task] = objectives.get(task).evaluate(at, gradients[task]);
    }
    return losses;
  }

  private Point point() {
    return new Point(
        weights.getAtIndex(ValueType.FLOAT, 0), weights.getAtIndex(ValueType.FLOAT, 1));
  }

  private static double[][] products(double[][] left, double[][] right) {
    double[][] products = new double[2][2];
    for (int i = 0; i < 2; i++) {
      for (int j = 0; j < 2; j++) {
        products[i][j] = left[i][0] * right[j][0] + left[i][1] * right[j][1];
      }
    }
    return products;
  }

  private static MemorySegment vector() {
    return MemorySegment.ofArray(new byte[2 * Float.BYTES]);
  }
}
