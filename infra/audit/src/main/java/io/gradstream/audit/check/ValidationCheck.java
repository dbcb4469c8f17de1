package io.gradstream.audit.check;

import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.audit.rounds.Finding;
import io.gradstream.audit.rounds.FindingListener;
import io.gradstream.proto.evidence.ValidationChain;
import io.gradstream.proto.log.LogCursor;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.log.RunLog;
import io.gradstream.proto.message.Metric;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.run.RunDescription;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.apache.kafka.common.TopicPartition;

/**
 * A run's validation losses, held against their digests, their signatures where the run lists its
 * evaluators' keys, the losses before them, and the weights that they are said to be of.
 *
 * <p>Whether they are what the weights and the held-out data give is not known: an audit has no
 * data. They are few and small, and all of them are read at the beginning. One owner, one thread.
 */
final class ValidationCheck {
  /** Losses whose record is the evaluator's. */
  private record Said(Metric.Validation validation, LogRecord record) {}

  private final RunDescription run;
  private final TopicPartition partition;
  private final FindingListener findings;
  private final TreeMap<Long, List<Said>> byVersion = new TreeMap<>();
  private long compared;

  ValidationCheck(RunLog log, FindingListener findings) {
    this.run = log.run();
    this.partition = new TopicPartition(run.topics().metrics(), 0);
    this.findings = findings;
    final var chain = new ValidationChain(run);
    try (LogCursor cursor = log.read(partition, log.start(partition))) {
      for (LogRecord record = cursor.next(); record != null; record = cursor.next()) {
        final LogRecord from = record;
        parse(record).ifPresent(metric -> take(metric, from, chain));
      }
    }
  }

  /** How many records named the weights that were computed. */
  long compared() {
    return compared;
  }

  private static Optional<Metric> parse(LogRecord record) {
    final byte[] value = record.value();
    try {
      return value == null
          ? Optional.empty()
          : Optional.of(Metric.parseFrom(value)).filter(Metric::hasValidation);
    } catch (InvalidProtocolBufferException e) {
      return Optional.empty(); // nobody takes it for a metric
    }
  }

  private void take(Metric metric, LogRecord record, ValidationChain chain) {
    final long version = metric.getValidation().getVersion();
    if (version < run.firstRound() || version > run.spec().rounds()) {
      find(version, record, "the run does not have that version");
      return;
    }
    try {
      if (!chain.take(metric)) {
        find(version, record, "the ones that they name as those before them are gone");
      }
      byVersion
          .computeIfAbsent(version, first -> new ArrayList<>())
          .add(new Said(metric.getValidation(), record));
    } catch (MalformedRecordException e) {
      find(version, record, String.valueOf(e.getMessage()));
    }
  }

  private void find(long version, LogRecord record, String what) {
    findings.add(
        Finding.of(
            Finding.Kind.VALIDATION,
            round(version),
            record,
            "validation losses of version %d: %s".formatted(version, what)));
  }

  /**
   * Compares the weights that losses are said to be of with a version that was computed.
   *
   * @param weights SHA-256 of the version's values, in hexadecimal
   */
  void compare(long version, Supplier<String> weights) {
    final List<Said> there = byVersion.getOrDefault(version, List.of());
    if (there.isEmpty() || !run.isSealed()) {
      return;
    }
    final String expected = weights.get();
    for (final Said each : there) {
      final String recorded = Finding.text(each.validation().getWeights());
      if (recorded.equals(expected)) {
        compared++;
      } else {
        findings.add(
            new Finding(
                Finding.Kind.VALIDATION,
                round(version),
                each.record().source(),
                each.record().offset(),
                "the validation losses of version %d are of other weights".formatted(version),
                recorded,
                expected));
      }
    }
  }

  /**
   * Says that the log has ended.
   *
   * @param last the version that the last verdict led to
   * @param complete whether the last version must have been validated, where the spec asks for it
   */
  void end(long last, boolean complete) {
    byVersion
        .tailMap(last, false)
        .forEach(
            (version, losses) ->
                losses.forEach(each -> find(version, each.record(), "no verdict led to it")));
    if (complete
        && run.spec().evaluation().every() > 0
        && last == run.spec().rounds()
        && !byVersion.containsKey(last)) {
      findings.add(
          Finding.of(
              Finding.Kind.MISSING,
              round(last),
              partition,
              Finding.NOWHERE,
              "the validation losses of the last version are not there"));
    }
  }

  /** The round that led to a version. */
  private static long round(long version) {
    return Math.max(0, version - 1);
  }
}
