package io.gradstream.audit.rounds;

import com.google.protobuf.ByteString;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.message.UpdateShard;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import java.util.function.Supplier;

/**
 * What a record of updates says of itself.
 *
 * @param number its round; {@link LoggedUpdates#INITIAL} for weights to start from
 * @param shard its shard's index
 * @param manifest hash of the manifest that it is of
 * @param verdict digest of the verdict, or of the run's record, that an update says it follows from
 * @param digest the digest that it claims
 * @param computed takes its digest from its bytes
 */
record UpdateStatement(
    long number,
    int shard,
    long manifest,
    ByteString verdict,
    ByteString digest,
    Supplier<ByteString> computed) {

  /** What an update says. */
  static UpdateStatement of(byte[] record) throws MalformedRecordException {
    final ValuesRecord<UpdateShard> read = ValuesRecord.read(record, UpdateShard.parser());
    final UpdateShard header = read.header();
    return new UpdateStatement(
        header.getInitial() ? LoggedUpdates.INITIAL : header.getRound(),
        header.getShard(),
        header.getManifest(),
        header.getVerdict(),
        header.getDigest(),
        () -> Digests.of(header, read.values()));
  }
}
