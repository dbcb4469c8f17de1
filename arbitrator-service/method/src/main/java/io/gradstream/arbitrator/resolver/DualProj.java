package io.gradstream.arbitrator.resolver;

/**
 * DualProj: projects the weighted sum of the gradients onto their dual cone (Lopez-Paz and Ranzato
 * 2017, GEM, arXiv:1706.08840, Eq. 8, for multi-task use as in Quinton and Rey 2024; checked
 * against TorchJD's DualProj). The update conflicts with no task, up to the regularisation.
 */
final class DualProj implements Resolver {
  private final DualCone.Options options;

  DualProj(DualCone.Options options) {
    this.options = options;
  }

  @Override
  public MethodState initialState(int tasks) {
    options.preference(tasks);
    return MethodState.EMPTY;
  }

  @Override
  public Resolution resolve(RoundStatistics round, MethodState state) {
    double[] preference = options.preference(round.tasks());
    return Resolution.of(new DualCone(round.gram(), options).project(preference), state);
  }
}
