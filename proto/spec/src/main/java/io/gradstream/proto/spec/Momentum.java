package io.gradstream.proto.spec;

/**
 * The momentum between resolver and optimizer.
 *
 * @param beta decay of the integrated momentum; without effect in pure mode
 */
public record Momentum(
    @Param(
            value =
                "integrated: bias-corrected momentum of the unified gradient, and the optimizer's"
                    + " own beta1 is 0; pure: none, the optimizer keeps its beta1",
            defaultValue = "integrated",
            inFork = Param.InFork.FIXED)
        Mode mode,
    @Param(
            value = "decay of the integrated momentum per round",
            defaultValue = "0.9",
            min = 0,
            max = 1,
            exclusiveMax = true)
        double beta) {
  /** Where momentum lives. */
  public enum Mode {
    INTEGRATED,
    PURE
  }
}
