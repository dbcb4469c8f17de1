package io.gradstream.proto.spec;

import java.util.regex.Pattern;

/**
 * Where and with how many threads gradients are computed.
 *
 * @param workers worker threads that {@code train} starts; without effect on the result
 * @param intraOpThreads threads of one tensor operation; a gradient's bits depend on it
 * @param device {@code cpu} or {@code gpu:<index>}
 * @param arithmetic whose gradients the run takes, see {@link ArithmeticPolicy}
 */
public record Compute(
    @Param(value = "worker threads that train starts", defaultValue = "1", min = 1, max = 1024)
        int workers,
    @Param(
            value = "threads of one tensor operation; the bits of a gradient depend on it",
            defaultValue = "1",
            min = 1,
            max = 1024)
        int intraOpThreads,
    @Param(value = "cpu, or gpu:0 for the first GPU", defaultValue = "cpu") String device,
    @Param(
            value =
                "whose gradients the run takes: any, same (all of one kind, which its first slot"
                    + " decides), or a fingerprint that gradstream arithmetic prints",
            defaultValue = "any")
        String arithmetic) {
  private static final Pattern DEVICE = Pattern.compile("cpu|gpu:\\d{1,3}");

  /** What PyTorch and people call the same. */
  private static final Pattern CUDA = Pattern.compile("(cuda|gpu)(:\\d{1,3})?");

  public Compute {
    if (!DEVICE.matcher(device).matches()) {
      throw new SpecError(
          "device",
          "\""
              + device
              + "\" is not allowed; must be cpu, or gpu:0, gpu:1, ..."
              + (CUDA.matcher(device).matches()
                  ? "; did you mean "
                      + (device.contains(":")
                          ? "gpu" + device.substring(device.indexOf(':'))
                          : "gpu:0")
                      + "?"
                  : ""));
    }
    ArithmeticPolicy.parse(arithmetic);
  }

  /** What {@link #arithmetic} says. */
  public ArithmeticPolicy arithmeticPolicy() {
    return ArithmeticPolicy.parse(arithmetic);
  }
}
