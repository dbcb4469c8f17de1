package io.gradstream.proto.evidence;

import com.google.protobuf.ByteString;
import io.gradstream.proto.message.ServerMetadata;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.run.RunDescription;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * The verdicts of a run, each of which names the digest of the one before. A record that does not
 * go on from the last link is none of them, whatever it says.
 *
 * <p>Services use it to check the records of topic {@code verdicts}, and an audit those of a log.
 * Digests are kept until they are {@linkplain #forgetBefore forgotten}. One owner, one thread.
 */
public final class VerdictChain {
  /** How a verdict stands to those that came before. */
  public enum Link {
    /** It goes on from the last one. */
    NEXT,
    /** It is the last one, sent or read once more. */
    LAST,
    /** Of an earlier round. */
    EARLIER
  }

  private final long manifest;
  private final ByteString runDigest;
  private final long firstRound;
  private final TreeMap<Long, ByteString> digests = new TreeMap<>();

  /** A chain that begins with the run's first verdict. */
  public VerdictChain(RunDescription run) {
    this.manifest = run.manifest().hash();
    this.runDigest = run.digest();
    this.firstRound = run.firstRound();
  }

  /**
   * Says why a verdict does not go on from another; empty if it does.
   *
   * @param run digest of the run's record
   * @param before round of the other; that before the run's first where there is none
   * @param digest of the other; empty where there is none
   */
  public static Optional<String> broken(
      Verdict verdict, ByteString run, long before, ByteString digest) {
    if (verdict.getRound() != before + 1) {
      return Optional.of(
          "a verdict of round %d, the last one is of round %d"
              .formatted(verdict.getRound(), before));
    }
    if (!verdict.getRun().equals(run)) {
      return Optional.of("a verdict of another run");
    }
    if (!verdict.getPrevious().equals(digest)) {
      return Optional.of(
          "a verdict of round %d that does not go on from that of round %d"
              .formatted(verdict.getRound(), before));
    }
    return Optional.empty();
  }

  /**
   * Whether a forked run goes on from a verdict, which then needs none before it. Forks of older
   * versions do not name it; there its round decides.
   */
  public static boolean beginsFork(Verdict verdict, RunDescription run) {
    return run.origin()
        .filter(
            origin ->
                origin.getBegins().isEmpty()
                    ? verdict.getRound() == origin.getVersion() - 1
                        && verdict.getManifest() == run.manifest().hash()
                    : origin.getBegins().equals(Digests.of(verdict)))
        .isPresent();
  }

  /** The round of the last verdict; before any verdict, the run's first round minus 1. */
  public long lastRound() {
    return digests.isEmpty() ? firstRound - 1 : digests.lastKey();
  }

  /** The digest of a round's verdict, as long as it is kept and if it was there. */
  public Optional<ByteString> digest(long round) {
    return Optional.ofNullable(digests.get(round));
  }

  /**
   * Takes a verdict in.
   *
   * @throws MalformedRecordException with the reason why it is none of the run's verdicts
   */
  public Link take(Verdict verdict) throws MalformedRecordException {
    if (verdict.getManifest() != manifest) {
      throw new MalformedRecordException("a verdict of another manifest");
    }
    final long round = verdict.getRound();
    final ByteString digest = Digests.of(verdict);
    if (round <= lastRound()) {
      if (digest(round).filter(known -> !known.equals(digest)).isPresent()) {
        throw new MalformedRecordException("another verdict of round " + round);
      }
      return round == lastRound() && digests.containsKey(round) ? Link.LAST : Link.EARLIER;
    }
    final Optional<String> broken =
        broken(verdict, runDigest, lastRound(), digest(lastRound()).orElse(ByteString.EMPTY));
    if (broken.isPresent()) {
      throw new MalformedRecordException(broken.get());
    }
    digests.put(round, digest);
    return Link.NEXT;
  }

  /** Lets go of the digests of rounds before one, but for the last. */
  public void forgetBefore(long round) {
    digests.headMap(Math.min(round, lastRound())).clear();
  }

  /** Forgets all, and goes on from verdicts that were taken in before or come with a fork. */
  public void restore(Iterable<Verdict> verdicts) {
    digests.clear();
    verdicts.forEach(each -> digests.put(each.getRound(), Digests.of(each)));
  }

  /** Forgets all, and goes on from a store's metadata. */
  public void restore(ServerMetadata metadata) {
    digests.clear();
    metadata.getVerdictsList().forEach(each -> digests.put(each.getRound(), each.getDigest()));
  }

  /** Writes down what {@link #restore(ServerMetadata)} needs. */
  public void save(ServerMetadata.Builder metadata) {
    for (final Map.Entry<Long, ByteString> each : digests.entrySet()) {
      metadata.addVerdictsBuilder().setRound(each.getKey()).setDigest(each.getValue());
    }
  }
}
