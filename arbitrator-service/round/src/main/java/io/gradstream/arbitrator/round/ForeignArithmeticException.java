package io.gradstream.arbitrator.round;

import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.spec.ArithmeticPolicy;

/**
 * A gradient of another arithmetic than the run takes. Whoever sent it will be refused again, and a
 * worker of the right kind will not.
 */
public final class ForeignArithmeticException extends MalformedRecordException {
  private static final long serialVersionUID = 1L;

  private final long taken;

  /**
   * @param own the gradient's fingerprint
   * @param taken the only one that the run takes; {@link ArithmeticPolicy#NONE} while it is not
   *     decided which, and the gradient has none
   */
  ForeignArithmeticException(long own, long taken) {
    super(
        "arithmetic: %s, the run takes %s"
            .formatted(
                ArithmeticPolicy.text(own),
                taken == ArithmeticPolicy.NONE
                    ? "gradients with a fingerprint alone"
                    : ArithmeticPolicy.text(taken) + " alone"));
    this.taken = taken;
  }

  /** The fingerprint that the run takes. */
  public long taken() {
    return taken;
  }
}
