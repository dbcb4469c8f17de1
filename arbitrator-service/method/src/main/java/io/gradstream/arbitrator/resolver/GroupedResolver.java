package io.gradstream.arbitrator.resolver;

import io.gradstream.arbitrator.calibrator.Calibrators;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.spec.SlotGroups;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A run's method, applied to the groups into which its tasks' micro-batches are summed.
 *
 * <p>A method that decides on one gradient a task is applied to each group alone, and the update is
 * the mean of the answers over the slots: with as many groups as micro-batches, the papers'
 * baselines. Each group is a line of its own through the rounds. It has its own state of the
 * method, and what the method compares with the round before is the same group's gradient of that
 * round. All groups of a round are at the same weights; a method that looks at what a step did
 * would see nothing between two of them.
 *
 * <p>A method that needs independent samples gets the groups as these.
 */
public final class GroupedResolver {
  /** More are not listed: their records would not fit the log. */
  private static final int MOST_ARBITRATIONS = 4096;

  private final Resolver method;

  /** Of any task: shares are those of all. */
  private final SlotGroups groups;

  private GroupedResolver(Resolver method, SlotGroups groups) {
    this.method = method;
    this.groups = groups;
  }

  /**
   * The method of a run.
   *
   * @throws io.gradstream.proto.UserError if the method or an option is wrong, or the run has not
   *     as many groups as the method needs samples
   */
  public static GroupedResolver of(RunSpec spec) {
    Resolver method = Resolvers.create(spec.resolver());
    SlotGroups groups = spec.slots().groups(0);
    int needed = method.sampleShares().length;
    if (needed > 0 && groups.count() != needed) {
      throw spec.resolver()
          .error(
              "method",
              "%s needs %d independent gradients of each task a round, and there %s %d; set accumulation.groups: %d"
                  .formatted(
                      spec.resolver().kind(),
                      needed,
                      groups.count() == 1 ? "is" : "are",
                      groups.count(),
                      needed));
    }
    if (method.readsExcess() && Calibrators.create(spec.calibrator()).needsNorms()) {
      throw spec.calibrator()
          .error(
              "method",
              "%s calibrates after the round's norms are known, and resolver %s needs the elements of calibrated gradients before; leave it out"
                  .formatted(spec.calibrator().kind(), spec.resolver().kind()));
    }
    return new GroupedResolver(method, groups);
  }

  /** The method itself, if it decides element by element. */
  public @Nullable ElementwiseResolver elementwise() {
    return method instanceof ElementwiseResolver elementwise ? elementwise : null;
  }

  /** Whether the method reads {@link GroupStatistics#excess}. */
  public boolean readsExcess() {
    return method.readsExcess();
  }

  /** What the method remembers before round 0. */
  public MethodState initialState(int tasks) {
    if (isOne()) {
      return method.initialState(tasks);
    }
    MethodState all = MethodState.EMPTY;
    for (int group = 0; group < groups.count(); group++) {
      all = all.with(prefix(group), method.initialState(tasks));
    }
    return all;
  }

  /** Whether the method decides once a round. */
  private boolean isOne() {
    return groups.count() == 1 || method.sampleShares().length > 0;
  }

  private static String prefix(int group) {
    return group + ".";
  }

  /**
   * Decides a round.
   *
   * @return with NG weights, task by task, group by group; none where the method decides element by
   *     element
   */
  public Resolution resolve(GroupStatistics round, MethodState state) {
    double[] shares = method.sampleShares();
    if (shares.length > 0) {
      Resolution whole = method.resolve(round.samples(shares), state);
      double[] weights = new double[round.tasks() * shares.length];
      for (int row = 0; row < weights.length; row++) {
        weights[row] = shares[row % shares.length] * whole.weights()[row / shares.length];
      }
      return whole.weighing(weights);
    }
    return groups.count() == 1 ? method.resolve(round.of(0), state) : each(round, state);
  }

  private Resolution each(GroupStatistics round, MethodState state) {
    int count = groups.count();
    double[] weights = new double[0];
    var arbitrations = new ArrayList<Arbitration>();
    Map<String, double[]> details = new TreeMap<>();
    List<String> failed = new ArrayList<>();
    Fallback fallback = null;
    MethodState next = MethodState.EMPTY;
    for (int group = 0; group < count; group++) {
      Resolution one = method.resolve(round.of(group), state.under(prefix(group)));
      if (one.weights().length > 0) {
        weights = group == 0 ? new double[one.weights().length * count] : weights;
        for (int task = 0; task < one.weights().length; task++) {
          weights[task * count + group] = groups.share(group) * one.weights()[task];
        }
      }
      for (Arbitration arbitration : one.arbitrations()) {
        arbitrations.add(arbitration.inGroup(group));
      }
      for (var detail : one.details().entrySet()) {
        details.put("group %d: %s".formatted(group, detail.getKey()), detail.getValue());
      }
      Fallback ofGroup = one.fallback();
      if (ofGroup != null) {
        failed.add(Integer.toString(group));
        fallback = fallback == null ? ofGroup : fallback;
      }
      next = next.with(prefix(group), one.state());
    }
    return new Resolution(
        weights,
        arbitrations.subList(0, Math.min(MOST_ARBITRATIONS, arbitrations.size())),
        details,
        fallback == null
            ? null
            : new Fallback(
                fallback.code(),
                "in groups %s: %s".formatted(String.join(", ", failed), fallback.reason())),
        next);
  }
}
