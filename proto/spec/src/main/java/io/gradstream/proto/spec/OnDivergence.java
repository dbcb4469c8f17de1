package io.gradstream.proto.spec;

/** What becomes of a run in which a slot's gradient is not finite, whoever computes it. */
public enum OnDivergence {
  /** The round stays open, and the run says why. */
  STOP,
  /** The round is passed over and changes nothing; too many in a row are a stop. */
  SKIP_ROUND
}
