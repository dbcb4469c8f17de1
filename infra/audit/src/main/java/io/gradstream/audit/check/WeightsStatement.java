package io.gradstream.audit.check;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.WeightSeal;
import io.gradstream.proto.message.WeightShard;
import io.gradstream.proto.record.Keys;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.run.RunDescription;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What a record on the weights topic says of itself.
 *
 * @param version the version that it says it is of
 * @param item place of its shard among the partition's, or their number for a seal
 * @param digest the digest that it claims
 * @param computed takes its digest from its bytes
 * @param seal what a seal says; null for a shard
 */
record WeightsStatement(
    long version,
    int item,
    ByteString digest,
    Supplier<ByteString> computed,
    @Nullable WeightSeal seal) {

  static boolean isSeal(LogRecord record) {
    return Arrays.equals(record.key(), Keys.seal());
  }

  /** Reads a record; empty if it is none that any reader takes for weights of the run. */
  static Optional<WeightsStatement> of(LogRecord record, RunDescription run, List<Shard> shards) {
    try {
      if (isSeal(record)) {
        final WeightSeal seal = WeightSeal.parseFrom(record.bytes());
        return Optional.of(
            new WeightsStatement(
                seal.getVersion(),
                shards.size(),
                seal.getDigest(),
                () -> Digests.of(run.digest(), seal),
                seal));
      }
      final ValuesRecord<WeightShard> read =
          ValuesRecord.read(record.bytes(), WeightShard.parser());
      final WeightShard header = read.header();
      for (int item = 0; item < shards.size(); item++) {
        if (shards.get(item).index() == header.getShard()
            && header.getManifest() == run.manifest().hash()) {
          return Optional.of(
              new WeightsStatement(
                  header.getVersion(),
                  item,
                  header.getDigest(),
                  () -> Digests.of(header, read.values()),
                  null));
        }
      }
      return Optional.empty();
    } catch (InvalidProtocolBufferException | MalformedRecordException e) {
      return Optional.empty();
    }
  }
}
