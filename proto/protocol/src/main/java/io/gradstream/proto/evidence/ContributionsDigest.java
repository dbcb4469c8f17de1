package io.gradstream.proto.evidence;

import com.google.protobuf.ByteString;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.ShardStatistics;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.List;

/**
 * The digest over all gradients that went into a round. It is fed shard by shard, in shard order,
 * so that it does not depend on how statistics were spread over records. One owner, one thread.
 */
public final class ContributionsDigest {
  private final MessageDigest sha256 = Digests.begin("contributions");

  /**
   * Adds the gradients that a shard's sums contain.
   *
   * @param offset the offset of the statistics that list them
   */
  public void add(Shard shard, long offset, List<ShardStatistics.Contribution> contributions) {
    sha256.update(
        ByteBuffer.allocate(3 * Integer.BYTES + Long.BYTES)
            .putInt(shard.index())
            .putInt(shard.partition())
            .putLong(offset)
            .putInt(contributions.size())
            .flip());
    contributions.forEach(each -> Digests.add(sha256, each.toByteString()));
  }

  /** The digest of all that was added; nothing can be added after. */
  public ByteString end() {
    return Digests.end(sha256);
  }
}
