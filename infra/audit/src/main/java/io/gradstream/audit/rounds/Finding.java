package io.gradstream.audit.rounds;

import com.google.protobuf.ByteString;
import io.gradstream.proto.log.LogRecord;
import java.util.HexFormat;
import org.apache.kafka.common.TopicPartition;

/**
 * Something in a log that cannot be as a run left it.
 *
 * @param kind what sort of thing is wrong
 * @param round the round it concerns
 * @param where the topic and partition
 * @param offset the record's place there, or where it is missed; -1 if no place can be named
 * @param what what is wrong, in words
 * @param recorded what the log says; empty where nothing can be compared
 * @param expected what it should say
 */
public record Finding(
    Kind kind,
    long round,
    TopicPartition where,
    long offset,
    String what,
    String recorded,
    String expected) {
  /** Offset of what has no place. */
  public static final long NOWHERE = -1;

  /** What sort of thing is wrong. */
  public enum Kind {
    /** A record that must be there is not. */
    MISSING,
    /** A record is there that nobody can have written at its place; services passed over it. */
    ORDER,
    /** A gradient is not what was counted. */
    GRADIENT,
    STATISTICS,
    VERDICT,
    UPDATE,
    WEIGHTS,
    /** Losses on held-out data. */
    VALIDATION,
    /** A seal over a version of the weights. */
    SEAL,
    /** A gradient is not what its data and weights give. */
    RECOMPUTED,
    /** A gradient was computed on other data than the auditor has. */
    DATA,
    /** What a fork began with. */
    STATE
  }

  /** A finding without two values to compare. */
  public static Finding of(Kind kind, long round, TopicPartition where, long offset, String what) {
    return new Finding(kind, round, where, offset, what, "", "");
  }

  /** A finding about one record. */
  public static Finding of(Kind kind, long round, LogRecord record, String what) {
    return of(kind, round, record.source(), record.offset(), what);
  }

  /** A digest in words, as a recorded or an expected value. */
  public static String text(ByteString digest) {
    return digest.isEmpty() ? "nothing" : HexFormat.of().formatHex(digest.toByteArray());
  }

  @Override
  public String toString() {
    final String place = offset == NOWHERE ? "" : " at offset " + offset;
    final String values =
        recorded.isEmpty() && expected.isEmpty()
            ? ""
            : ": recorded " + recorded + ", expected " + expected;
    return "round %d, %s%s: %s%s".formatted(round, where, place, what, values);
  }
}
