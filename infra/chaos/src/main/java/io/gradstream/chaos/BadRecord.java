package io.gradstream.chaos;

import java.util.Locale;

/** A gradient record that must be refused, by what is wrong with it. */
public enum BadRecord {
  NOT_PROTOBUF,
  TRUNCATED,
  OTHER_MANIFEST,
  OTHER_LENGTH,
  UNKNOWN_TYPE,
  SLOT_OUT_OF_RANGE,
  SHARD_OUT_OF_RANGE,
  FUTURE_ROUND,
  NOT_A_NUMBER,
  INFINITE,
  ABSURD_NORM;

  String label() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
