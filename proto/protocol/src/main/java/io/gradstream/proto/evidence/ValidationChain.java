package io.gradstream.proto.evidence;

import com.google.protobuf.ByteString;
import io.gradstream.proto.message.Metric;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.run.RunDescription;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A run's validation losses, in the order of the metrics topic: each names the digest of one before
 * it, so that none in between can be taken away unseen, and the digest of the weights that it is
 * of.
 *
 * <p>Usually each names the last one. Two evaluators that work side by side may name the same, or
 * both begin with none. Runs of the protocol's first format have no digests; there all is taken.
 *
 * <p>One owner, one thread.
 */
public final class ValidationChain {
  private final ByteString run;
  private final Signers signers;
  private final boolean chained;
  private final Set<ByteString> seen = new HashSet<>();
  private ByteString last = ByteString.EMPTY;

  public ValidationChain(RunDescription run) {
    this.run = run.digest();
    this.signers = Signers.of(run.spec());
    this.chained = run.isSealed();
  }

  /**
   * Takes validation losses that were read.
   *
   * @return whether the ones that they name as those before were read, too
   * @throws MalformedRecordException with the reason why they are not the evaluator's
   */
  public boolean take(Metric validation) throws MalformedRecordException {
    if (!chained) {
      return true;
    }
    if (!validation.getDigest().equals(Digests.of(run, validation))) {
      throw new MalformedRecordException("losses that are not those of their digest");
    }
    signers.check(validation);
    final ByteString previous = validation.getValidation().getPrevious();
    final boolean linked = previous.isEmpty() || seen.contains(previous);
    seen.add(validation.getDigest());
    last = validation.getDigest();
    return linked;
  }

  /**
   * Makes the record of the next validation losses: it names those before it, has a digest, and a
   * signature where the run asks for one. It becomes the last one.
   *
   * @param metric name, time, and the losses with their version and weights
   * @param evaluator who computed them
   * @param signer whose key signs them; null where nobody has to
   */
  public Metric next(Metric metric, String evaluator, @Nullable Signer signer) {
    final var record = metric.toBuilder().setEvaluator(evaluator);
    record.getValidationBuilder().setPrevious(last);
    record.setDigest(Digests.of(run, record.build()));
    if (signer != null) {
      record.setSignature(signer.sign(record.getDigest()));
    }
    seen.add(record.getDigest());
    last = record.getDigest();
    return record.build();
  }
}
