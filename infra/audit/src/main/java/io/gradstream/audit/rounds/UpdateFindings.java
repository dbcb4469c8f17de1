package io.gradstream.audit.rounds;

import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.manifest.Shard;
import org.apache.kafka.common.TopicPartition;

/** What can be wrong with the shards of an update, in words. */
final class UpdateFindings {
  /** A shard is not there. */
  Finding missing(Shard shard, long number, TopicPartition where, long offset) {
    return Finding.of(
        Finding.Kind.MISSING,
        number,
        where,
        offset,
        "the update of shard " + shard.index() + " is not there");
  }

  /** A record lies in front of what must have been there before it. */
  Finding ahead(LogRecord record, long number, int shard, long wanted) {
    return Finding.of(
        Finding.Kind.ORDER,
        number,
        record,
        "shard %d of round %d lies before those of %d; nobody can have had it then"
            .formatted(shard, number, wanted));
  }

  /** Shards of one round are published in their order. */
  Finding afterAnother(LogRecord record, UpdateStatement said, int other) {
    return Finding.of(
        Finding.Kind.ORDER,
        said.number(),
        record,
        "shard %d comes after shard %d".formatted(said.shard(), other));
  }

  /** An update that the server refused. */
  Finding anotherVerdict(LogRecord record, UpdateStatement said) {
    return Finding.of(
        Finding.Kind.ORDER,
        Math.max(0, said.number()),
        record,
        said.number() == LoggedUpdates.INITIAL
            ? "weights to start from of another run, so nobody took them"
            : "an update of shard %d that names another verdict than the log's, so nobody took it"
                .formatted(said.shard()));
  }

  /** A second copy that differs from the first; the server takes the first one. */
  Finding otherValues(LogRecord record, UpdateStatement said) {
    return Finding.of(
        Finding.Kind.ORDER,
        said.number(),
        record,
        "shard %d, sent once more, has other values".formatted(said.shard()));
  }

  /**
   * What comes after the last verdict.
   *
   * @param more how many there are besides
   */
  Finding unfounded(LogRecord first, UpdateStatement said, int more) {
    return Finding.of(
        Finding.Kind.ORDER,
        said.number(),
        first,
        "shard %d of round %d, and no verdict led to it%s"
            .formatted(
                said.shard(),
                said.number(),
                more == 0 ? "" : ", nor to %d more records here".formatted(more)));
  }
}
