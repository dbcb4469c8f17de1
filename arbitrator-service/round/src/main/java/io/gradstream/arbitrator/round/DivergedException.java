package io.gradstream.arbitrator.round;

import io.gradstream.proto.message.GradientShard;
import io.gradstream.proto.record.MalformedRecordException;

/**
 * A gradient whose loss or values are not finite, or too large to work with, and that is as it
 * should be otherwise. Unlike other refusals it repeats itself: the slot names its data and its
 * weights, so whoever computes it again gets the same.
 */
public final class DivergedException extends MalformedRecordException {
  private static final long serialVersionUID = 1L;

  /** What the gradient says of itself, without its values. */
  private final GradientShard header;

  DivergedException(String reason, GradientShard header) {
    super(reason);
    this.header = header;
  }

  /** What the gradient says of itself, without its values; its digest is that of its bytes. */
  public GradientShard header() {
    return header;
  }
}
