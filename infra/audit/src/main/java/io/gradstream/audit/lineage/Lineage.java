package io.gradstream.audit.lineage;

import com.google.protobuf.ByteString;
import io.gradstream.audit.checkpoint.PartitionState;
import io.gradstream.audit.rounds.Finding;
import io.gradstream.audit.rounds.LogCut;
import io.gradstream.audit.rounds.LoggedRound;
import io.gradstream.audit.rounds.LoggedRounds;
import io.gradstream.audit.rounds.LoggedUpdates;
import io.gradstream.audit.rounds.Recalculation;
import io.gradstream.audit.rounds.RefusedRecords;
import io.gradstream.proto.UserError;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.log.RunLog;
import io.gradstream.proto.manifest.Tensor;
import io.gradstream.proto.message.UpdateShard;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.run.RunPlugins;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * Looks up single rounds and versions in a log: what was decided, what it was made of, what it
 * changed. What counts is what counts for an audit: the verdicts that go on from each other, the
 * updates that name them, and the weights that name those. It believes what these say, unless it is
 * asked to {@link #check}; whether sums and steps are right, an audit tells. One owner, one thread.
 */
public final class Lineage {
  /**
   * What a round changed in a tensor.
   *
   * @param tensor its name
   * @param norm Euclidean norm of the change
   * @param before norm of the tensor before
   */
  public record TensorChange(String tensor, double norm, double before) {}

  private record Place(TopicPartition partition, long offset) {}

  private static final int KEPT = 10_000;

  private final LogCut log;
  private final RunDescription run;
  private final Map<Place, Finding> passedOver = new LinkedHashMap<>();

  public Lineage(RunLog log) {
    RunPlugins.require(log.run(), RunPlugins.ARBITRATOR, RunPlugins.SERVER);
    this.log = LogCut.of(log);
    this.run = log.run();
  }

  private String noSuchRound(long number, long done) {
    final String name = run.spec().run();
    final long all = run.spec().rounds();
    final String counted = "rounds are counted from 0 to " + (all - 1);
    return number >= all
        ? "run %s has no round %d; %s".formatted(name, number, counted)
        : "run %s has no round %d yet: %d of %d are decided, and %s"
            .formatted(name, number, done, all, counted);
  }

  /**
   * A round as the log tells it.
   *
   * @param passed told of each round up to this one, itself included
   * @throws UserError if the log does not have it
   */
  public LoggedRound round(long number, Consumer<LoggedRound> passed) {
    try (var rounds = new LoggedRounds(log, RefusedRecords.read(log), this::refuse)) {
      if (number < rounds.round()) {
        throw new UserError(
            "run %s: round %d is no longer on the log, which begins with round %d"
                .formatted(run.spec().run(), number, rounds.round()));
      }
      while (true) {
        final LoggedRound round =
            rounds.next().orElseThrow(() -> new UserError(noSuchRound(number, rounds.round())));
        passed.accept(round);
        if (round.round() == number) {
          return round;
        }
      }
    }
  }

  private void refuse(Finding finding) {
    if (finding.kind() == Finding.Kind.ORDER) { // nobody took it
      if (passedOver.size() < KEPT) {
        passedOver.putIfAbsent(new Place(finding.where(), finding.offset()), finding);
      }
      return;
    }
    throw new UserError(
        "the log of run %s is not whole: %s; ask gradstream audit"
            .formatted(run.spec().run(), finding));
  }

  /** A round's update records, by shard. */
  public SortedMap<Integer, LogRecord> updates(long round) {
    final var records = new TreeMap<Integer, LogRecord>();
    for (int partition = 0; partition < run.manifest().partitions(); partition++) {
      try (var updates = new LoggedUpdates(log, partition, this::refuse)) {
        records.putAll(updates.next(round));
      }
    }
    return records;
  }

  /**
   * A version's weights records, by shard; without those that are no longer kept.
   *
   * <p>Of several copies the first counts that follows from the update; where none does, the first.
   */
  public SortedMap<Integer, LogRecord> weights(long version) {
    final Map<Integer, ByteString> from = new HashMap<>();
    final long first = run.firstRound();
    updates(version == first ? LoggedUpdates.INITIAL : version - 1)
        .forEach((shard, record) -> digest(record).ifPresent(it -> from.put(shard, it)));
    final var records = new TreeMap<Integer, LogRecord>();
    for (int partition = 0; partition < run.manifest().partitions(); partition++) {
      final var copies =
          new WeightCopies(log, new TopicPartition(run.topics().weights(), partition), version);
      records.putAll(copies.choose(from, this::refuse));
    }
    return records;
  }

  private static Optional<ByteString> digest(LogRecord update) {
    try {
      return Optional.of(
          ValuesRecord.read(update.bytes(), UpdateShard.parser()).header().getDigest());
    } catch (MalformedRecordException e) {
      return Optional.empty();
    }
  }

  /**
   * The records of a round and of the version that it led to that were met on the way and that
   * nobody took, since they do not follow from what counts; as far as they have been looked for.
   */
  public List<Finding> passedOver(long round) {
    return passedOver.values().stream()
        .filter(
            finding -> finding.round() == round + (isOf(finding, run.topics().weights()) ? 1 : 0))
        .toList();
  }

  private static boolean isOf(Finding finding, String topic) {
    return finding.where().topic().equals(topic);
  }

  /**
   * Holds the records behind a version of the weights against each other's digests.
   *
   * @param round the round that led to it; null for the version that the run began with
   * @return what does not fit
   */
  public List<Finding> check(long version, @Nullable LoggedRound round) {
    final var check = new LineageCheck(log);
    if (round == null) {
      check.shards(version, run.digest(), updates(LoggedUpdates.INITIAL), weights(version));
    } else {
      check.round(round);
      check.shards(version, Digests.of(round.verdict()), updates(round.round()), weights(version));
    }
    return check.findings();
  }

  /** Whether all updates are still there, from which {@link #changes} are computed. */
  public boolean reachesBack() {
    return IntStream.range(0, run.manifest().partitions())
        .allMatch(
            partition -> log.start(new TopicPartition(run.topics().updates(), partition)) == 0);
  }

  /**
   * What a round changed, tensor by tensor, from the updates of all rounds up to it.
   *
   * @throws UserError if one of them is not there
   */
  public List<TensorChange> changes(long round) {
    final var recalculation = new Recalculation(run, PartitionState.begun(log));
    final List<LoggedUpdates> partitions = new ArrayList<>();
    try {
      for (int partition = 0; partition < run.manifest().partitions(); partition++) {
        partitions.add(new LoggedUpdates(log, partition, this::refuse));
      }
      for (final LogRecord record : next(partitions, LoggedUpdates.INITIAL).values()) {
        recalculation.initialize(record.bytes());
      }
      for (long number = run.firstRound(); number < round; number++) {
        recalculation.apply(values(next(partitions, number)));
      }
      final MemorySegment before = flat(recalculation);
      recalculation.apply(values(next(partitions, round)));
      final MemorySegment after = flat(recalculation);
      return run.manifest().tensors().stream()
          .map(tensor -> change(tensor, before, after))
          .toList();
    } catch (MalformedRecordException e) {
      throw new UserError(
          "the updates of run %s cannot be applied: %s; ask gradstream audit"
              .formatted(run.spec().run(), e.getMessage()),
          e);
    } finally {
      partitions.forEach(LoggedUpdates::close);
    }
  }

  private static SortedMap<Integer, LogRecord> next(List<LoggedUpdates> partitions, long number) {
    final var records = new TreeMap<Integer, LogRecord>();
    partitions.forEach(partition -> records.putAll(partition.next(number)));
    return records;
  }

  private static SortedMap<Integer, byte[]> values(SortedMap<Integer, LogRecord> records) {
    final var values = new TreeMap<Integer, byte[]>();
    records.forEach((shard, record) -> values.put(shard, record.bytes()));
    return values;
  }

  private MemorySegment flat(Recalculation recalculation) {
    final MemorySegment flat =
        Arena.ofAuto().allocate(run.manifest().size() * Float.BYTES, Float.BYTES);
    recalculation.copyWeights(flat);
    return flat;
  }

  private static TensorChange change(Tensor tensor, MemorySegment before, MemorySegment after) {
    double changed = 0;
    double squared = 0;
    for (long i = tensor.offset(); i < tensor.offset() + tensor.size(); i++) {
      final double old = before.get(ValueType.FLOAT, i * Float.BYTES);
      final double difference = after.get(ValueType.FLOAT, i * Float.BYTES) - old;
      changed += difference * difference;
      squared += old * old;
    }
    return new TensorChange(tensor.name(), Math.sqrt(changed), Math.sqrt(squared));
  }
}
