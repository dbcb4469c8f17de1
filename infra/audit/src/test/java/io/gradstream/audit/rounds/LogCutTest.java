package io.gradstream.audit.rounds;

import static org.assertj.core.api.Assertions.assertThat;

import io.gradstream.audit.MemoryLog;
import io.gradstream.audit.RecordedRun;
import io.gradstream.audit.check.Audit;
import io.gradstream.audit.check.AuditReport;
import io.gradstream.audit.check.Demands;
import io.gradstream.proto.log.LogCursor;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.log.RunLog;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.topic.TopicKind;
import java.util.Iterator;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A run that goes on while it is audited. */
class LogCutTest {
  private static final MemoryLog WHOLE = RecordedRun.train("rounds=40");

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 7, 11, 20, 29, 41})
  void aRunThatGoesOnMeanwhileIsClean(int records) {
    try (var audit = new Audit(new Growing(300, records), Demands.all(), null)) {
      final AuditReport report = audit.run(round -> {});

      assertThat(report.findings()).isEmpty();
      assertThat(report.rounds()).isBetween(5L, 39L);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {3, 20})
  void itsArchiveIsCleanAsWell(int records) {
    final LogCut cut = LogCut.of(new Growing(300, records));

    try (var audit = new Audit(cut, Demands.all(), null)) {
      assertThat(audit.run(round -> {}).findings()).isEmpty();
    }
  }

  /** A kind that were cut only when it is read would hold consequences without their causes. */
  @ParameterizedTest
  @EnumSource
  void whereEachKindEndsIsAskedOnceAndForAll(TopicKind kind) {
    final var log = new Growing(300, 1);
    try (LogCut cut = LogCut.of(log)) {
      final long asked = log.now;

      for (final String topic : WHOLE.run().topicsOf(kind)) {
        for (int partition = 0; partition < WHOLE.partitions(topic); partition++) {
          cut.end(new TopicPartition(topic, partition));
        }
      }

      assertThat(log.now).isEqualTo(asked);
    }
  }

  /** Some more records are there each time that somebody asks. */
  private static final class Growing implements RunLog {
    private final int step;
    private long now;

    Growing(int start, int step) {
      this.now = WHOLE.start(new TopicPartition("made.spec", 0)) + 1_000 + start;
      this.step = step;
    }

    @Override
    public RunDescription run() {
      return WHOLE.run();
    }

    @Override
    public int partitions(String topic) {
      return WHOLE.partitions(topic);
    }

    @Override
    public long start(TopicPartition partition) {
      return 0;
    }

    @Override
    public long end(TopicPartition partition) {
      now += step;
      return WHOLE.records(partition).stream().filter(each -> each.timestamp() < now).count();
    }

    @Override
    public LogCursor read(TopicPartition partition, long from) {
      final long end = end(partition);
      final Iterator<LogRecord> records =
          WHOLE.records(partition).stream()
              .filter(each -> each.offset() >= from && each.offset() < end)
              .iterator();
      return new LogCursor() {
        @Override
        public @Nullable LogRecord next() {
          return records.hasNext() ? records.next() : null;
        }

        @Override
        public void close() {
          // Nothing is held.
        }
      };
    }

    @Override
    public void close() {
      // Nothing is held.
    }
  }
}
