package io.gradstream.audit.rounds;

import com.google.protobuf.ByteString;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.log.RunLog;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.run.RunDescription;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The digests of a run's verdicts, round by round, as far as each contains that of the one before.
 * What follows from none of them was not made by the run. Immutable.
 */
public final class VerdictChain {
  private final long first;
  private final List<ByteString> digests;

  private VerdictChain(long first, List<ByteString> digests) {
    this.first = first;
    this.digests = digests;
  }

  /** Reads the first partition's verdicts, up to where the chain ends or breaks. */
  public static VerdictChain of(RunLog log) {
    final RunDescription run = log.run();
    final var digests = new ArrayList<ByteString>();
    try (var verdicts = new LoggedVerdicts(log, 0, finding -> {})) {
      ByteString before = ByteString.EMPTY;
      if (run.origin().isPresent()) {
        final LoggedVerdicts.Copy taken = verdicts.next(run.firstRound() - 1);
        before = taken == null ? ByteString.EMPTY : Digests.of(taken.verdict());
      }
      for (long round = run.firstRound(); round < run.spec().rounds(); round++) {
        final LoggedVerdicts.Copy copy = verdicts.next(round);
        if (copy == null || !follows(copy.verdict(), run, before)) {
          break;
        }
        before = Digests.of(copy.verdict());
        digests.add(before);
      }
    }
    return new VerdictChain(run.firstRound(), digests);
  }

  private static boolean follows(Verdict verdict, RunDescription run, ByteString before) {
    return verdict.getRun().equals(run.digest()) && verdict.getPrevious().equals(before);
  }

  /** The version of the weights that the last verdict led to. */
  public long version() {
    return first + digests.size();
  }

  /** The digest of a round's verdict; empty if there is none. */
  public Optional<ByteString> digest(long round) {
    return round < first || round >= version()
        ? Optional.empty()
        : Optional.of(digests.get((int) (round - first)));
  }
}
