package io.gradstream.arbitrator.topology;

import io.gradstream.arbitrator.round.AdmissionPolicy;
import io.gradstream.arbitrator.round.CountedSlots;
import io.gradstream.arbitrator.round.SlotGradient;
import io.gradstream.proto.message.Metric;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.run.Run;
import io.gradstream.proto.spec.ArithmeticPolicy;
import io.gradstream.proto.streams.TopicSinks;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * Tells of workers that sent another gradient for a slot than the one that counts, in the open
 * round or the one before: by a dead letter with the record, and by a metric for whoever looks at
 * the run. A restart forgets what counted before it. One owner, one thread.
 */
final class Contradictions {
  private final Run run;
  private final AdmissionPolicy admission;
  private final TopicSinks sinks;
  private final CountedSlots counted = new CountedSlots();
  private long round;

  /** Verdicts of the rounds before the open one and before its predecessor, where known. */
  private @Nullable Verdict previous;

  private @Nullable Verdict beforePrevious;

  Contradictions(Run run, AdmissionPolicy admission, TopicSinks sinks) {
    this.run = run;
    this.admission = admission;
    this.sinks = sinks;
  }

  /**
   * Opens a round.
   *
   * @param verdict of the round before; null in the first
   */
  void open(long ofRound, @Nullable Verdict verdict) {
    counted.open(ofRound);
    round = ofRound;
    beforePrevious = previous;
    previous = verdict;
  }

  /** Says that a gradient of the open round counts. */
  void count(SlotGradient gradient) {
    counted.count(gradient);
  }

  /**
   * Looks at a gradient of a slot that another one counted for. If it could have counted itself and
   * has other values, that is told.
   *
   * @param decided which arithmetic the open round takes, see {@link AdmissionPolicy#check}
   * @return whether it was told
   */
  boolean note(
      SlotGradient gradient, TopicPartition from, long offset, byte[] value, long decided) {
    final CountedSlots.Counted first = counted.contradictedBy(gradient).orElse(null);
    if (first == null || !couldHaveCounted(gradient, decided)) {
      return false;
    }
    final ShardStatistics.Slot report = gradient.report();
    sinks.refuse(from, offset, value, reason(gradient, first));
    sinks.metric(
        "contradiction",
        Metric.newBuilder()
            .setContradiction(
                Metric.Contradiction.newBuilder()
                    .setRound(gradient.round())
                    .setTask(report.getTask())
                    .setSlot(report.getSlot())
                    .setShard(gradient.shard())
                    .setWorker(report.getWorker())
                    .setCounted(first.worker())));
    return true;
  }

  private String reason(SlotGradient gradient, CountedSlots.Counted first) {
    final ShardStatistics.Slot report = gradient.report();
    final String why =
        first.fingerprint() == report.getFingerprint()
            ? ""
            : ": computed with arithmetic %s instead of %s"
                .formatted(
                    ArithmeticPolicy.text(report.getFingerprint()),
                    ArithmeticPolicy.text(first.fingerprint()));
    return "other values for slot %d of task %s in round %d than those by %s, which count%s"
        .formatted(
            report.getSlot(),
            run.topics().nameOf(report.getTask()),
            gradient.round(),
            first.worker(),
            why);
  }

  private boolean couldHaveCounted(SlotGradient gradient, long decided) {
    final Verdict before = gradient.round() == round ? previous : beforePrevious;
    if (before == null && gradient.round() != run.description().firstRound()) {
      return false;
    }
    try {
      admission.check(gradient, before, decided);
      return true;
    } catch (MalformedRecordException e) {
      return false;
    }
  }
}
