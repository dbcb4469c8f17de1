package io.gradstream.producer.worker;

import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.proto.UserError;
import io.gradstream.proto.log.LogReader;
import io.gradstream.proto.message.Metric;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.spec.ArithmeticPolicy;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * Whether a run takes what a worker computes: asked before the worker asks for orders, since all
 * that it computed would be refused. What a run takes stands in its spec, or in its last verdict
 * once its first round has decided it. Confined to the worker's thread.
 */
final class ArithmeticCheck {
  private final Run run;
  private final String worker;
  private final long fingerprint;
  private boolean passed;

  /**
   * @param fingerprint of what the worker computes with
   */
  ArithmeticCheck(Run run, String worker, long fingerprint) {
    this.run = run;
    this.worker = worker;
    this.fingerprint = fingerprint;
  }

  /**
   * Compares, unless it did before. Passes where the run has not decided yet.
   *
   * @throws UserError if the run takes another arithmetic alone
   */
  void require() {
    if (passed) {
      return;
    }
    final ArithmeticPolicy policy = run.spec().compute().arithmeticPolicy();
    final long taken =
        switch (policy) {
          case ArithmeticPolicy.Any() -> fingerprint;
          case ArithmeticPolicy.Only only -> only.fingerprint();
          case ArithmeticPolicy.Same() -> decided();
        };
    if (taken == ArithmeticPolicy.NONE) {
      return;
    }
    if (taken != fingerprint) {
      throw new UserError(
          ("run %s takes gradients of arithmetic %s alone (compute.arithmetic: %s), and worker %s computes with %s:"
                  + " start it where gradstream arithmetic prints the former (gradstream arithmetic --help), or go on with"
                  + " any in a new run: gradstream fork --run %s --version V --as NAME --set compute.arithmetic=any")
              .formatted(
                  run.spec().run(),
                  ArithmeticPolicy.text(taken),
                  run.spec().compute().arithmetic(),
                  worker,
                  ArithmeticPolicy.text(fingerprint),
                  run.spec().run()));
    }
    passed = true;
  }

  /**
   * What the last verdict says. Before the first, what a refusal of this worker's own says: that
   * the first slot came from another kind. {@link ArithmeticPolicy#NONE} where there is neither.
   */
  private long decided() {
    try (var log = new LogReader(run.connection(), run.topics().workerGroup() + ".arithmetic")) {
      final long byVerdict =
          log.last(new TopicPartition(run.topics().verdicts(), 0))
              .map(record -> fingerprintOf(record.value()))
              .orElse(ArithmeticPolicy.NONE);
      return byVerdict == ArithmeticPolicy.NONE ? byRefusal(log) : byVerdict;
    }
  }

  private long fingerprintOf(byte @Nullable [] record) {
    try {
      final Verdict verdict = Verdict.parseFrom(record == null ? new byte[0] : record);
      return verdict.getManifest() == run.manifest().hash()
          ? verdict.getFingerprint()
          : ArithmeticPolicy.NONE;
    } catch (InvalidProtocolBufferException e) {
      return ArithmeticPolicy.NONE; // none of the arbitrator's; the gradients will show
    }
  }

  private long byRefusal(LogReader log) {
    final var metrics = new TopicPartition(run.topics().metrics(), 0);
    final var taken = new AtomicLong(ArithmeticPolicy.NONE);
    log.read(
        metrics,
        0,
        log.end(metrics),
        record -> {
          final Metric.Refused refused = refusedOf(record.value());
          if (refused.getWorker().equals(worker) && refused.getTakes() != ArithmeticPolicy.NONE) {
            taken.set(refused.getTakes());
          }
        });
    return taken.get();
  }

  private static Metric.Refused refusedOf(byte @Nullable [] record) {
    try {
      return Metric.parseFrom(record == null ? new byte[0] : record).getRefused();
    } catch (InvalidProtocolBufferException e) {
      return Metric.Refused.getDefaultInstance();
    }
  }
}
