package io.gradstream.audit.checkpoint;

import com.google.protobuf.ByteString;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.log.LogCursor;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.log.RunLog;
import io.gradstream.proto.run.StoreImage;
import java.security.MessageDigest;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * SHA-256 over the records of a fork's topic {@code state}, partition by partition: it stands in
 * the fork's run record, to which every gradient and verdict is bound. One owner, one thread.
 */
public final class StateDigest {
  private final MessageDigest sha256 = Digests.sha256();

  /** The digest of what is on a log. */
  public static ByteString of(RunLog log) {
    final var digest = new StateDigest();
    final String topic = log.run().topics().state();
    for (int partition = 0; partition < log.partitions(topic); partition++) {
      try (LogCursor cursor = log.read(new TopicPartition(topic, partition), 0)) {
        for (LogRecord next = cursor.next(); next != null; next = cursor.next()) {
          digest.add(next.key());
          digest.add(next.value());
        }
      }
    }
    return digest.end();
  }

  private void add(byte @Nullable [] part) {
    if (part != null) {
      sha256.update(part);
    }
  }

  /** Adds the next record. */
  public void add(StoreImage.Entry entry) {
    add(entry.key());
    add(entry.value());
  }

  /** The digest of all that was added. */
  public ByteString end() {
    return ByteString.copyFrom(sha256.digest());
  }
}
