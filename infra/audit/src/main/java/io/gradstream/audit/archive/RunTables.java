package io.gradstream.audit.archive;

import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.audit.parquet.ParquetTable;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.message.DeadLetter;
import io.gradstream.proto.message.GradientShard;
import io.gradstream.proto.message.Metric;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.record.VerdictGram;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.topic.Topics;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The tables of an archive, filled while its records pass by: what people query.
 *
 * <p>A record that cannot be read has no row: the audit tells of it. One thread.
 */
final class RunTables implements AutoCloseable {
  private final Topics topics;
  private final long manifest;
  private final Kernels kernels = Kernels.best();
  private final Map<String, ParquetTable> tables = new HashMap<>();
  private long judged;

  /** Begins the tables, one file each in a directory that is there. */
  RunTables(RunDescription run, Path directory) throws IOException {
    this.topics = run.topics();
    this.manifest = run.manifest().hash();
    for (final var table : TableColumns.ALL.entrySet()) {
      tables.put(
          table.getKey(), ParquetTable.create(fileOf(directory, table.getKey()), table.getValue()));
    }
  }

  static Path fileOf(Path directory, String table) {
    return directory.resolve(table + ".parquet");
  }

  long rows(String table) {
    return tableOf(table).rows();
  }

  private ParquetTable tableOf(String name) {
    final ParquetTable table = tables.get(name);
    if (table == null) {
      throw new IllegalArgumentException("no table " + name);
    }
    return table;
  }

  /** Takes in a record of any topic of the run. */
  void add(LogRecord record) throws IOException {
    final byte[] value = record.value();
    if (value == null) {
      return;
    }
    final String topic = record.source().topic();
    final int task = topics.taskOfGradients(topic);
    try {
      if (task >= 0) {
        contribution(task, record, ValuesRecord.read(value, GradientShard.parser()));
      } else if (topic.equals(topics.verdicts()) && record.source().partition() == 0) {
        verdict(record, Verdict.parseFrom(value));
      } else if (topic.equals(topics.metrics())) {
        metric(Metric.parseFrom(value));
      } else if (topic.equals(topics.deadLetters())) {
        refused(DeadLetter.parseFrom(value));
      }
    } catch (MalformedRecordException | InvalidProtocolBufferException e) {
      // It lies in the archive as it is; a table has no row for what is no such record.
    }
  }

  private void contribution(int task, LogRecord record, ValuesRecord<GradientShard> gradient)
      throws MalformedRecordException, IOException {
    final GradientShard header = gradient.header();
    final ValueType type = ValuesRecord.typeOf(header.getType());
    final long bytes = gradient.values().byteSize();
    final double squared = kernels.squaredNorm(gradient.values(), type, bytes / type.bytes());
    tableOf("contributions")
        .add(
            header.getRound(),
            topics.nameOf(task),
            header.getSlot(),
            header.getShard(),
            header.getWorker(),
            record.source().partition(),
            record.offset(),
            record.timestamp(),
            header.getMicroBatch(),
            header.getSamples(),
            header.getLoss(),
            Math.sqrt(squared),
            header.getComputeUs(),
            bytes);
  }

  /** A verdict that was published once more has no rows of its own. */
  private void verdict(LogRecord record, Verdict verdict) throws IOException {
    if (verdict.getRound() < judged || !fits(verdict)) {
      return;
    }
    judged = verdict.getRound() + 1;
    tableOf("rounds")
        .add(
            verdict.getRound(),
            record.timestamp(),
            verdict.getResolver(),
            verdict.getScalarized(),
            verdict.getJointRounds(),
            smallestCosine(verdict),
            verdict.getArbitrationsCount(),
            verdict.getClipFactor(),
            verdict.hasUpdateNorm() ? verdict.getUpdateNorm() : null,
            verdict.getFallback().isEmpty() ? null : verdict.getFallback());
    int place = 0;
    for (final Verdict.Arbitration pair : verdict.getArbitrationsList()) {
      tableOf("verdicts")
          .add(
              verdict.getRound(),
              place++,
              topics.nameOf(pair.getFirst()),
              topics.nameOf(pair.getSecond()),
              pair.getCosine(),
              pair.getZone(),
              pair.getWinner() < 0 ? null : topics.nameOf(pair.getWinner()),
              pair.getFirstScore(),
              pair.getSecondScore(),
              pair.getForced());
    }
    final List<Double> weights = VerdictGram.weights(verdict);
    for (int task = 0; task < verdict.getLossesCount(); task++) {
      tableOf("losses")
          .add(
              verdict.getRound(),
              topics.nameOf(task),
              verdict.getLosses(task),
              numberAt(verdict.getNormsList(), task),
              numberAt(weights, task),
              numberAt(verdict.getSlotSquaredMeanList(), task),
              numberAt(verdict.getMeanSquaredList(), task));
    }
  }

  /** Whether a verdict speaks of the run's tasks: of what somebody made up there are no rows. */
  private boolean fits(Verdict verdict) {
    final int tasks = topics.tasks().size();
    final long rows = (long) verdict.getNormsCount() * Math.max(1, verdict.getGroupSlotsCount());
    return verdict.getManifest() == manifest
        && verdict.getLossesCount() <= tasks
        && verdict.getNormsCount() <= tasks
        && verdict.getGramCount() == rows * rows
        && verdict.getArbitrationsList().stream()
            .allMatch(
                pair ->
                    Math.min(pair.getFirst(), pair.getSecond()) >= 0
                        && Math.max(Math.max(pair.getFirst(), pair.getSecond()), pair.getWinner())
                            < tasks);
  }

  private static @Nullable Double numberAt(List<Double> numbers, int task) {
    return task < numbers.size() ? numbers.get(task) : null;
  }

  /** Of all pairs of tasks; nothing where a round had no task gradients, or one was zero. */
  private static @Nullable Double smallestCosine(Verdict verdict) {
    final VerdictGram gram = VerdictGram.of(verdict).orElse(null);
    final var cosines = new ArrayList<Double>();
    for (int i = 0; gram != null && i < gram.tasks(); i++) {
      for (int j = i + 1; j < gram.tasks(); j++) {
        gram.cosine(i, j).ifPresent(cosines::add);
      }
    }
    return cosines.stream().min(Double::compare).orElse(null);
  }

  private void metric(Metric metric) throws IOException {
    final Metric.Validation validation = metric.getValidation();
    for (final var loss : validation.getLossesMap().entrySet()) {
      tableOf("validations")
          .add(validation.getVersion(), loss.getKey(), loss.getValue(), validation.getSamples());
    }
  }

  private void refused(DeadLetter letter) throws IOException {
    tableOf("refused")
        .add(
            letter.getTopic(),
            letter.getPartition(),
            letter.getOffset(),
            letter.getReason(),
            letter.getWorker().isEmpty() ? null : letter.getWorker(),
            known(letter.getRound()),
            known(letter.getSlot()),
            known(letter.getShard()));
  }

  private static @Nullable Long known(long number) {
    return number < 0 ? null : number;
  }

  @Override
  public void close() throws IOException {
    for (final ParquetTable table : tables.values()) {
      table.close();
    }
  }
}
