package io.gradstream.audit.check;

import io.gradstream.audit.rounds.Difference;
import io.gradstream.audit.rounds.Finding;
import io.gradstream.proto.evidence.Signers;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.message.WeightSeal;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.run.RunDescription;
import java.util.Optional;

/**
 * Compares a recorded seal with the one that was computed here. Where the run lists its parameter
 * servers' keys, one of them must have signed it.
 */
final class SealComparison {
  private final RunDescription run;
  private final Signers signers;

  SealComparison(RunDescription run) {
    this.run = run;
    this.signers = Signers.of(run.spec());
  }

  /** What is wrong with what a recorded seal says. */
  Optional<Finding> compare(LogRecord record, WeightSeal recorded, WeightSeal own) {
    // The digest does not cover the signature, which is held against a key and not computed.
    final Difference difference =
        Difference.between(recorded.toBuilder().clearSignature().build(), own);
    return difference.none()
        ? Optional.empty()
        : Optional.of(
            difference.finding(
                Finding.Kind.SEAL,
                round(own.getVersion()),
                record,
                "the seal of version " + own.getVersion()));
  }

  /** What is wrong with the signature of a seal that says what it must say. */
  Optional<Finding> unsigned(LogRecord record, WeightSeal seal) {
    try {
      signers.check(seal);
      return Optional.empty();
    } catch (MalformedRecordException e) {
      return Optional.of(
          Finding.of(
              Finding.Kind.SEAL,
              round(seal.getVersion()),
              record,
              "version %d has %s".formatted(seal.getVersion(), e.getMessage())));
    }
  }

  /** Who makes a fork has no server's key; its servers seal the first version once more. */
  boolean isWrittenByFork(WeightSeal seal) {
    return run.origin().isPresent()
        && seal.getVersion() == run.firstRound()
        && seal.getSignature().isEmpty();
  }

  /** The round that led to a version. */
  static long round(long version) {
    return Math.max(0, version - 1);
  }
}
