package io.gradstream.arbitrator.resolver;

/**
 * UPGrad: projects each task's gradient onto the dual cone of all and combines the projections
 * (Quinton and Rey 2024, arXiv:2406.16232, section 3; checked against TorchJD's UPGrad). The update
 * conflicts with no task, up to the regularisation.
 */
final class UpGrad implements Resolver {
  private final DualCone.Options options;

  UpGrad(DualCone.Options options) {
    this.options = options;
  }

  @Override
  public MethodState initialState(int tasks) {
    options.preference(tasks);
    return MethodState.EMPTY;
  }

  @Override
  public Resolution resolve(RoundStatistics round, MethodState state) {
    int n = round.tasks();
    double[] preference = options.preference(n);
    var cone = new DualCone(round.gram(), options);
    double[] weights = new double[n];
    for (int task = 0; task < n; task++) {
      double[] single = new double[n];
      single[task] = preference[task];
      double[] projected = cone.project(single);
      for (int i = 0; i < n; i++) {
        weights[i] += projected[i];
      }
    }
    return Resolution.of(weights, state);
  }
}
