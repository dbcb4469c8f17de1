package io.gradstream.arbitrator.topology;

import io.gradstream.arbitrator.round.AdmissionPolicy;
import io.gradstream.arbitrator.round.SlotGradient;
import io.gradstream.proto.log.LogReader;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.run.RoundKind;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.spec.ArithmeticPolicy;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * Finds the first slot of a round that decides which arithmetic the run takes, for partitions on
 * which it does not lie: the first record of it that is fit, as the partition where it lies takes
 * it. One owner, one thread.
 */
final class FirstSlot {
  private final SlotGradient.Rules rules;
  private final AdmissionPolicy admission;
  private final LogReader log;
  private final int task;
  private final TopicPartition source;
  private long position;

  /**
   * @param kind of the round
   */
  FirstSlot(
      Run run, RoundKind kind, SlotGradient.Rules rules, AdmissionPolicy admission, LogReader log) {
    this.rules = rules;
    this.admission = admission;
    this.log = log;
    this.task = admission.firstTask(kind);
    this.source = new TopicPartition(run.topics().gradients(task), admission.firstPartition());
  }

  /**
   * Reads on, to the end of what is there.
   *
   * @param round the round that is open
   * @param before the verdict of the round before it; null in the first
   * @return the first slot's fingerprint, {@link ArithmeticPolicy#NONE} if it is not there yet
   */
  long find(long round, @Nullable Verdict before) {
    final var found = new AtomicLong(ArithmeticPolicy.NONE);
    final long end = log.end(source);
    log.read(
        source,
        position,
        end,
        record ->
            found.compareAndSet(
                ArithmeticPolicy.NONE, fingerprintOf(record.value(), round, before)));
    position = end;
    return found.get();
  }

  private long fingerprintOf(byte @Nullable [] record, long round, @Nullable Verdict before) {
    try {
      final SlotGradient gradient =
          SlotGradient.read(record, task, admission.firstPartition(), rules);
      if (gradient.round() == round && admission.isFirst(gradient)) {
        admission.check(gradient, before, ArithmeticPolicy.NONE);
        return gradient.report().getFingerprint();
      }
    } catch (MalformedRecordException e) {
      return ArithmeticPolicy.NONE; // refused on its own partition as well
    }
    return ArithmeticPolicy.NONE;
  }
}
