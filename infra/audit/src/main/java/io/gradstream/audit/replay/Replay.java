package io.gradstream.audit.replay;

import io.gradstream.arbitrator.round.ForkVerdict;
import io.gradstream.audit.checkpoint.PartitionState;
import io.gradstream.audit.rounds.Finding;
import io.gradstream.audit.rounds.LogCut;
import io.gradstream.audit.rounds.LoggedRound;
import io.gradstream.audit.rounds.LoggedRounds;
import io.gradstream.audit.rounds.LoggedUpdates;
import io.gradstream.audit.rounds.Recalculation;
import io.gradstream.audit.rounds.RefusedRecords;
import io.gradstream.proto.UserError;
import io.gradstream.proto.kernels.InnerProducts;
import io.gradstream.proto.kernels.Kernels;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.log.RunLog;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.message.UpdateShard;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.spec.RunSpec;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Recorded gradients, decided otherwise: every round's gradients are accumulated once more, at the
 * weights at which they were computed, and go to another resolver, or the same with other options.
 *
 * <p>The alternative has its own momentum, memories and method state from the first round on; its
 * updates are compared and applied to nothing. The classes are those of the services. One use, one
 * thread; memory for the vectors of the model and one round's records.
 */
public final class Replay implements AutoCloseable {
  private final RunDescription run;
  private final Kernels kernels = Kernels.best();
  private final LoggedRounds rounds;
  private final List<LoggedUpdates> updates = new ArrayList<>();
  private final Recalculation recalculation;

  /**
   * @param alternative as {@link AlternativeDecision} makes it
   */
  public Replay(RunLog whole, RunDescription alternative) {
    final LogCut log = LogCut.of(whole);
    this.run = log.run();
    this.rounds = new LoggedRounds(log, RefusedRecords.read(log), Replay::refuse);
    this.recalculation =
        new Recalculation(
            alternative,
            PartitionState.begun(log).stream()
                .map(state -> taken(state, run.spec(), alternative.spec()))
                .toList());
    for (int partition = 0; partition < run.manifest().partitions(); partition++) {
      updates.add(new LoggedUpdates(log, partition, Replay::refuse));
    }
  }

  /** A fork's state is that of the recorded method. */
  private static PartitionState taken(PartitionState state, RunSpec recorded, RunSpec other) {
    return state.round().hasLast()
        ? state.after(ForkVerdict.verdict(state.round().getLast(), recorded, other))
        : state;
  }

  /** A log that is not what a run left says nothing about another method. */
  private static void refuse(Finding finding) {
    if (finding.kind() == Finding.Kind.ORDER) {
      return; // nobody took it
    }
    throw new UserError("the log is not sound, see gradstream audit: " + finding);
  }

  /**
   * The next round; empty at the end of the log.
   *
   * @throws UserError if the log is not as a run leaves it
   */
  public Optional<Comparison> next() {
    final LoggedRound logged = rounds.next().orElse(null);
    if (logged == null) {
      return Optional.empty();
    }
    final boolean whole = rounds.gradients(logged, recalculation);
    final LoggedRound.Statement divergence = logged.divergence().orElse(null);
    if (divergence == null && !(whole && recalculation.rounds().complete())) {
      throw new UserError(
          "round %d: the log does not have all of its gradients".formatted(logged.round()));
    }
    final SortedMap<Integer, byte[]> recorded = new TreeMap<>();
    for (final LoggedUpdates partition : updates) {
      partition
          .next(logged.round())
          .forEach((shard, record) -> recorded.put(shard, record.bytes()));
    }
    // What is not finite is so for any method.
    final Verdict verdict =
        divergence == null
            ? recalculation.rounds().decide()
            : recalculation
                .rounds()
                .decide(divergence.statistics(), divergence.record().offset())
                .orElseThrow();
    final SortedMap<Integer, byte[]> alternative = recalculation.rounds().close(verdict);
    // The newest verdict of a run that still trains may be there before its updates are.
    return recorded.keySet().equals(alternative.keySet())
        ? Optional.of(compare(logged.verdict(), verdict, recorded, alternative))
        : Optional.empty();
  }

  private Comparison compare(
      Verdict verdict,
      Verdict other,
      SortedMap<Integer, byte[]> recorded,
      SortedMap<Integer, byte[]> alternative) {
    final double[] products = new double[3];
    double differenceSquared = 0;
    for (final Shard shard : run.manifest().shards()) {
      if (shard.buffer()) {
        continue; // the same by any method
      }
      final MemorySegment first = floats(shard, recorded.get(shard.index()));
      final MemorySegment second = floats(shard, alternative.get(shard.index()));
      final InnerProducts both =
          kernels.innerProducts(
              new MemorySegment[] {first, second}, new MemorySegment[0], null, shard.length());
      for (int i = 0; i < products.length; i++) {
        products[i] += both.gram()[i];
      }
      kernels.combine(
          second,
          ValueType.FLOAT32,
          new MemorySegment[] {first, second},
          new float[] {1, -1},
          null,
          0,
          1,
          shard.length());
      differenceSquared += kernels.squaredNorm(second, ValueType.FLOAT32, shard.length());
    }
    return Comparison.of(verdict, other, products, differenceSquared);
  }

  private MemorySegment floats(Shard shard, byte @Nullable [] update) {
    try {
      final var record =
          ValuesRecord.read(update == null ? new byte[0] : update, UpdateShard.parser());
      final MemorySegment values = MemorySegment.ofArray(new float[shard.length()]);
      kernels.convert(
          values,
          ValueType.FLOAT32,
          record.values(),
          ValuesRecord.typeOf(record.header().getType()),
          shard.length());
      return values;
    } catch (MalformedRecordException e) {
      throw new UserError(
          "the update of shard %d is none, see gradstream audit".formatted(shard.index()), e);
    }
  }

  @Override
  public void close() {
    rounds.close();
    updates.forEach(LoggedUpdates::close);
  }
}
