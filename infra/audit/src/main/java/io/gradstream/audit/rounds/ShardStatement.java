package io.gradstream.audit.rounds;

import com.google.protobuf.ByteString;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.message.UpdateShard;
import io.gradstream.proto.message.WeightShard;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import java.util.function.Supplier;

/**
 * What a record of updates or weights says of itself.
 *
 * @param number its round or version; {@link LoggedShards#INITIAL} for weights to start from
 * @param shard its shard's index
 * @param manifest hash of the manifest that it is of
 * @param verdict digest of the verdict, or of the run's record, that an update says it follows
 *     from; empty for weights, which say it in their seal
 * @param digest the digest that it claims
 * @param computed takes its digest from its bytes
 */
record ShardStatement(
    long number,
    int shard,
    long manifest,
    ByteString verdict,
    ByteString digest,
    Supplier<ByteString> computed) {

  /** Reads a record. */
  @FunctionalInterface
  interface Reader {
    ShardStatement read(byte[] record) throws MalformedRecordException;
  }

  /** What an update says. */
  static ShardStatement update(byte[] record) throws MalformedRecordException {
    final ValuesRecord<UpdateShard> read = ValuesRecord.read(record, UpdateShard.parser());
    final UpdateShard header = read.header();
    return new ShardStatement(
        header.getInitial() ? LoggedShards.INITIAL : header.getRound(),
        header.getShard(),
        header.getManifest(),
        header.getVerdict(),
        header.getDigest(),
        () -> Digests.of(header, read.values()));
  }

  /** What weights say. */
  static ShardStatement weights(byte[] record) throws MalformedRecordException {
    final ValuesRecord<WeightShard> read = ValuesRecord.read(record, WeightShard.parser());
    final WeightShard header = read.header();
    return new ShardStatement(
        header.getVersion(),
        header.getShard(),
        header.getManifest(),
        ByteString.EMPTY,
        header.getDigest(),
        () -> Digests.of(header, read.values()));
  }
}
