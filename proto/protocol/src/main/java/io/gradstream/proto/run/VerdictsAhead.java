package io.gradstream.proto.run;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.proto.evidence.VerdictChain;
import io.gradstream.proto.log.LogReader;
import io.gradstream.proto.message.ServerMetadata;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.record.MalformedRecordException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import org.apache.kafka.common.TopicPartition;

/**
 * The verdicts that are on the log and that a service's partition may not have taken in yet.
 *
 * <p>What follows from a verdict may be read before it, since it lies on another topic; then the
 * verdict is on the log already. So a record that follows from none there is forged, and need not
 * be held until its turn shows it: this is what bounds the records that are held. Only verdicts
 * count that go on from those before them, see {@link VerdictChain}; what somebody else appends to
 * their topic makes no round begin. One owner, one thread.
 */
public final class VerdictsAhead {
  private final LogReader log;
  private final TopicPartition verdicts;
  private final long pauseNanos;
  private final VerdictChain chain;
  private final TreeMap<Long, Long> nonces = new TreeMap<>();
  private long position;
  private long readInVainNanos;

  /**
   * @param verdicts the service's partition of them
   * @param pause how long the log is not looked at again after nothing new was there; a round that
   *     begins meanwhile is found after it
   */
  public VerdictsAhead(RunDescription run, LogReader log, TopicPartition verdicts, Duration pause) {
    this.log = log;
    this.verdicts = verdicts;
    this.pauseNanos = pause.toNanos();
    this.chain = new VerdictChain(run);
    this.readInVainNanos = System.nanoTime() - pauseNanos;
  }

  /**
   * Goes on from what a service has taken in.
   *
   * @param takenIn the newest verdicts, none before the first
   * @param next offset of the next record that it will take in
   */
  public void restart(List<Verdict> takenIn, long next) {
    chain.restore(takenIn);
    nonces.clear();
    takenIn.forEach(each -> nonces.put(each.getRound(), each.getNonce()));
    position = next;
  }

  /** The same from a server's metadata, which have digests alone. */
  public void restart(ServerMetadata metadata, long next) {
    chain.restore(metadata);
    nonces.clear();
    position = next;
  }

  /** Says that the service has taken a verdict in. */
  public void tookIn(Verdict verdict, long offset) {
    add(verdict);
    position = Math.max(position, offset + 1);
  }

  /** Lets go of the verdicts of rounds before one, but for the last. */
  public void forgetBefore(long round) {
    chain.forgetBefore(round);
    nonces.headMap(Math.min(round, chain.lastRound())).clear();
  }

  /** The nonce of a round's verdict; empty if it is not on the log, or not known any more. */
  public OptionalLong nonce(long round) {
    lookFor(round);
    final Long nonce = nonces.get(round);
    return nonce == null ? OptionalLong.empty() : OptionalLong.of(nonce);
  }

  /** The digest of a round's verdict; empty if it is not on the log, or not known any more. */
  public Optional<ByteString> digest(long round) {
    lookFor(round);
    return chain.digest(round);
  }

  /** The round of the last verdict that is known to be on the log. */
  public long lastRound() {
    return chain.lastRound();
  }

  private void lookFor(long round) {
    if (round <= chain.lastRound() || System.nanoTime() - readInVainNanos < pauseNanos) {
      return;
    }
    final long end = log.end(verdicts);
    if (end > position) {
      log.read(verdicts, position, end, record -> add(record.bytes()));
    }
    position = end;
    if (round > chain.lastRound()) {
      readInVainNanos = System.nanoTime();
    }
  }

  private void add(byte[] record) {
    try {
      add(Verdict.parseFrom(record));
    } catch (InvalidProtocolBufferException e) {
      // The service refuses it when it comes to it.
    }
  }

  private void add(Verdict verdict) {
    try {
      if (chain.take(verdict) == VerdictChain.Link.NEXT) {
        nonces.put(verdict.getRound(), verdict.getNonce());
      }
    } catch (MalformedRecordException e) {
      // The service refuses it when it comes to it.
    }
  }
}
