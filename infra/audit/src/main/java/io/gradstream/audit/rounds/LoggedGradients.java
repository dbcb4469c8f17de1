package io.gradstream.audit.rounds;

import static java.util.Objects.requireNonNull;

import com.google.protobuf.ByteString;
import io.gradstream.arbitrator.round.AdmissionPolicy;
import io.gradstream.arbitrator.round.CountedSlots;
import io.gradstream.arbitrator.round.SlotGradient;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.log.RunLog;
import io.gradstream.proto.message.GradientShard;
import io.gradstream.proto.message.ShardStatistics.Contribution;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.record.DeadLetters;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.run.RoundOrders;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.spec.ArithmeticPolicy;
import java.util.HashSet;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * One partition of one task's gradients. Of each round it hands over the records that the
 * statistics say they were made of, shard by shard in slot order, as an arbitrator adds them; a
 * record that came before its turn is kept until then, so memory is needed for a round's records at
 * most. One owner, one thread.
 */
final class LoggedGradients implements AutoCloseable {
  /** What the statistics claim of a record: a slot's gradient of a shard. */
  record Claim(int shard, Contribution contribution) {
    boolean isFor(GradientShard header) {
      return shard == header.getShard() && contribution.getSlot() == header.getSlot();
    }
  }

  private final int task;
  private final int partition;
  private final String taskName;
  private final ByteString runDigest;
  private final SlotGradient.Rules rules;
  private final AdmissionPolicy admission;
  private final RoundOrders orders;
  private final RefusedRecords refused;
  private final FindingListener findings;
  private final PeekingCursor records;
  private final long start;
  private final CountedSlots counted = new CountedSlots();
  private final SortedMap<Contradiction, Long> contradictions = new TreeMap<>();
  private NavigableMap<Long, Claim> left = new TreeMap<>();
  private @Nullable Verdict verdictBefore;

  /** Which arithmetic the round's verdict says that the run takes: that of its first slot. */
  private long decided = ArithmeticPolicy.NONE;

  private long round;

  LoggedGradients(
      RunLog log,
      int task,
      int partition,
      SlotGradient.Rules rules,
      RefusedRecords refused,
      FindingListener findings) {
    final RunDescription run = log.run();
    this.task = task;
    this.partition = partition;
    this.taskName = run.topics().nameOf(task);
    this.runDigest = run.digest();
    this.rules = rules;
    this.admission = new AdmissionPolicy(run);
    this.orders = new RoundOrders(run.spec());
    this.refused = refused;
    this.findings = findings;
    final var source = new TopicPartition(run.topics().gradients(task), partition);
    this.start = log.start(source);
    this.records = new PeekingCursor(log, source);
  }

  /**
   * Hands over a round's gradients.
   *
   * @param claims what the statistics say lies here, by offset
   * @param before verdict of the round before; null in the first
   * @param verdict of the round
   * @return whether all of them were there and fit to be added
   */
  boolean read(
      NavigableMap<Long, Claim> claims,
      @Nullable Verdict before,
      Verdict verdict,
      CountedGradients gradients) {
    round = verdict.getRound();
    decided = verdict.getFingerprint();
    left = new TreeMap<>(claims);
    counted.open(round);
    final var turns = new SlotReorderBuffer(gradients);
    final Set<Claim> contested = new HashSet<>();
    // What retention took is nobody's fault.
    final Map<Long, Claim> gone = left.headMap(start);
    boolean whole = gone.isEmpty();
    gone.clear();
    while (!left.isEmpty()) {
      final long next = left.firstKey();
      final LogRecord record = records.peek();
      if (record == null || record.offset() > next) {
        findings.add(missing(next, requireNonNull(left.remove(next))));
        whole = false;
        continue;
      }
      records.skip();
      if (record.offset() < next) {
        passOver(record, before, contested);
        continue;
      }
      final SlotGradient fit = check(record, requireNonNull(left.remove(next)), before);
      if (fit == null) {
        whole = false;
      } else {
        counted.count(fit);
        turns.take(fit, record);
      }
    }
    verdictBefore = before;
    return whole && turns.done();
  }

  /** Says that a round was skipped: none of its gradients counted. */
  void readNone(Verdict verdict, @Nullable Verdict before) {
    read(new TreeMap<>(), before, verdict, (gradient, record) -> {});
  }

  /** Only what could have been counted is held against a worker. */
  private void noteContradiction(byte[] bytes, GradientShard header, @Nullable Verdict before)
      throws MalformedRecordException {
    if (counted.contains(header.getRound(), task, header.getSlot(), header.getShard())) {
      final SlotGradient gradient = SlotGradient.read(bytes, task, partition, rules);
      admission.check(gradient, before, decided);
      counted
          .contradictedBy(gradient)
          .ifPresent(
              first ->
                  new Contradiction(header.getWorker(), first.worker()).count(contradictions, 1));
    }
  }

  /**
   * Reads to the end.
   *
   * @param before verdict of the round before the last that was read
   * @return who sent fit gradients of slots that other values were counted for
   */
  SortedMap<Contradiction, Long> contradictions(@Nullable Verdict before) {
    for (LogRecord record = records.peek(); record != null; record = records.peek()) {
      records.skip();
      passOver(record, before, new HashSet<>());
    }
    return contradictions;
  }

  private Finding missing(long offset, Claim claim) {
    return Finding.of(
        Finding.Kind.MISSING,
        round,
        records.partition(),
        offset,
        "%s was counted, and is not there".formatted(text(claim)));
  }

  /** A counted record must be the one that was counted, whole and fit; null if it is not. */
  private @Nullable SlotGradient check(LogRecord record, Claim claim, @Nullable Verdict before) {
    final byte[] bytes = record.bytes();
    try {
      final ValuesRecord<GradientShard> read = ValuesRecord.read(bytes, GradientShard.parser());
      final GradientShard header = read.header();
      if (header.getRound() != round || !claim.isFor(header)) {
        findings.add(
            new Finding(
                Finding.Kind.GRADIENT,
                round,
                record.source(),
                record.offset(),
                "not the gradient that was counted",
                text(header),
                "round %d, %s".formatted(round, text(claim))));
        return null;
      }
      final SlotGradient gradient = SlotGradient.read(bytes, task, partition, rules);
      final ByteString claimed = claim.contribution().getDigest();
      if (!gradient.digest().equals(claimed)) {
        reportDigest(record, claim, "those that were counted", gradient.digest(), claimed);
        return null;
      }
      admission.check(gradient, before, decided);
      if (!header.getWorker().equals(claim.contribution().getWorker())) {
        throw new MalformedRecordException("its worker is not the one that was counted");
      }
      final long ordered = orders.of(round, task, header.getSlot(), 0).getMicroBatch();
      if (header.getMicroBatch() != ordered) {
        findings.add(
            new Finding(
                Finding.Kind.GRADIENT,
                round,
                record.source(),
                record.offset(),
                "the data of " + text(claim) + ", micro-batch",
                Long.toString(header.getMicroBatch()),
                Long.toString(ordered)));
      }
      return gradient;
    } catch (MalformedRecordException e) {
      reportUnfit(record, claim, String.valueOf(e.getMessage()));
      return null;
    }
  }

  private void reportUnfit(LogRecord record, Claim claim, String reason) {
    try {
      final var read = ValuesRecord.read(record.bytes(), GradientShard.parser());
      final ByteString digest = Digests.of(runDigest, taskName, read.header(), read.values());
      final ByteString claimed = claim.contribution().getDigest();
      if (!digest.equals(claimed)) {
        reportDigest(record, claim, "those that were counted", digest, claimed);
        return;
      }
      if (!digest.equals(read.header().getDigest())) {
        reportDigest(record, claim, "they claim", digest, read.header().getDigest());
        return;
      }
    } catch (MalformedRecordException e) {
      // Then the reason says it.
    }
    findings.add(
        Finding.of(
            Finding.Kind.GRADIENT,
            round,
            record,
            "%s was counted, and is not fit to be: %s".formatted(text(claim), reason)));
  }

  private void reportDigest(
      LogRecord record, Claim claim, String than, ByteString digest, ByteString other) {
    findings.add(
        new Finding(
            Finding.Kind.GRADIENT,
            round,
            record.source(),
            record.offset(),
            "the bytes of %s have another digest than %s".formatted(text(claim), than),
            Finding.text(digest),
            Finding.text(other)));
  }

  /**
   * Looks at a record that was not counted: the first fit one counts, unless it was refused; only
   * behind a bad one for the same place may a fit one have been let go.
   *
   * @param contested claims that such records came before
   */
  private void passOver(LogRecord record, @Nullable Verdict before, Set<Claim> contested) {
    final byte[] bytes = record.bytes();
    try {
      final GradientShard header = ValuesRecord.read(bytes, GradientShard.parser()).header();
      if (header.getRound() == round) {
        noteContradiction(bytes, header, before);
      } else {
        if (header.getRound() == round - 1) {
          noteContradiction(bytes, header, verdictBefore);
        }
        return;
      }
      final Claim claim =
          left.values().stream().filter(each -> each.isFor(header)).findFirst().orElse(null);
      if (claim == null || !contested.add(claim) || refused.contains(record)) {
        return;
      }
      admission.check(SlotGradient.read(bytes, task, partition, rules), before, decided);
      findings.add(
          Finding.of(
              Finding.Kind.GRADIENT,
              round,
              record,
              "%s by %s is fit and came first, and the one at offset %d was counted"
                  .formatted(
                      text(claim),
                      DeadLetters.printable(header.getWorker()),
                      claim.contribution().getOffset())));
    } catch (MalformedRecordException e) {
      // Nobody could have counted it, and nobody did.
      return;
    }
  }

  private String text(Claim claim) {
    return "slot %d of %s, shard %d, by %s"
        .formatted(
            claim.contribution().getSlot(),
            taskName,
            claim.shard(),
            DeadLetters.printable(claim.contribution().getWorker()));
  }

  private String text(GradientShard header) {
    return "round %d, slot %d of %s, shard %d, by %s"
        .formatted(
            header.getRound(),
            header.getSlot(),
            taskName,
            header.getShard(),
            DeadLetters.printable(header.getWorker()));
  }

  @Override
  public void close() {
    records.close();
  }
}
