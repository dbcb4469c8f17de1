package io.gradstream.arbitrator.round;

import io.gradstream.proto.record.MalformedRecordException;

/**
 * A gradient whose loss or values are not finite, or too large to work with. Unlike other refusals
 * it repeats itself: the slot names its data and its weights, so whoever computes it again gets the
 * same.
 */
public final class DivergedException extends MalformedRecordException {
  private static final long serialVersionUID = 1L;

  DivergedException(String reason) {
    super(reason);
  }
}
