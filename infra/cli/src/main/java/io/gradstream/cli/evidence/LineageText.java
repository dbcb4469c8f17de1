package io.gradstream.cli.evidence;

import com.google.protobuf.ByteString;
import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import io.gradstream.audit.lineage.Lineage;
import io.gradstream.audit.rounds.Finding;
import io.gradstream.audit.rounds.LoggedRound;
import io.gradstream.audit.rounds.LoggedUpdates;
import io.gradstream.cli.Printable;
import io.gradstream.proto.UserError;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.manifest.Shard;
import io.gradstream.proto.manifest.Tensor;
import io.gradstream.proto.message.Order;
import io.gradstream.proto.message.ShardStatistics;
import io.gradstream.proto.message.ShardStatistics.Contribution;
import io.gradstream.proto.message.UpdateShard;
import io.gradstream.proto.message.WeightShard;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.record.ValuesRecord;
import io.gradstream.proto.run.RoundOrders;
import io.gradstream.proto.run.RunDescription;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What went into a version of the weights: its records, the update and the verdict behind them, the
 * gradients that the verdict was made of, each with its place and digest; and how much all rounds
 * before contributed.
 */
public final class LineageText {
  /**
   * A version's lineage.
   *
   * @param text lines without a line break at the end
   * @param whole whether all records have the digests by which they name each other
   */
  public record Told(String text, boolean whole) {}

  private static final int SHOWN_DIGITS = 16;

  private final RunDescription run;
  private final Lineage lineage;
  private final List<Shard> shards;
  private final StringBuilder text = new StringBuilder();

  private LineageText(RunDescription run, Lineage lineage, List<Shard> shards) {
    this.run = run;
    this.lineage = lineage;
    this.shards = shards;
  }

  /**
   * Traces a version.
   *
   * @param tensor only what went into this one; null for all
   * @throws UserError if the run has no such tensor or version
   */
  public static Told of(
      RunDescription run, Lineage lineage, long version, @Nullable String tensor) {
    final var text = new LineageText(run, lineage, shardsOf(run, tensor));
    text.line(
        "weights version %d of run %s%s",
        version, run.spec().run(), tensor == null ? "" : ", tensor " + tensor);
    if (version == 0) {
      text.weights(0);
      text.line("made by submitting the run, seed %d", run.spec().seed());
      text.updates(LoggedUpdates.INITIAL);
      return text.checked(version, null);
    }
    return text.checked(version, text.of(version));
  }

  private Told checked(long version, @Nullable LoggedRound round) {
    final List<Finding> findings = lineage.check(version, round);
    if (findings.isEmpty()) {
      line("every record named here has the digest that the next one names");
    }
    findings.forEach(finding -> line("NOT WHAT IT SAYS: %s", finding));
    lineage
        .passedOver(version - 1)
        .forEach(finding -> line("passed over, and not counted here: %s", finding));
    return new Told(text.toString().stripTrailing(), findings.isEmpty());
  }

  private static List<Shard> shardsOf(RunDescription run, @Nullable String tensor) {
    final List<Shard> all = run.manifest().shards();
    if (tensor == null) {
      return all;
    }
    final Tensor found =
        run.manifest().tensors().stream()
            .filter(each -> each.name().equals(tensor))
            .findFirst()
            .orElseThrow(
                () ->
                    new UserError(
                        "--tensor: run %s has no tensor %s; it has %s"
                            .formatted(
                                run.spec().run(),
                                tensor,
                                run.manifest().tensors().stream().map(Tensor::name).toList())));
    return all.stream()
        .filter(
            shard -> shard.firstTensor() <= found.index() && found.index() <= shard.lastTensor())
        .toList();
  }

  private LoggedRound of(long version) {
    final SortedMap<String, SortedMap<Integer, Long>> totals = new TreeMap<>();
    final LoggedRound round = lineage.round(version - 1, passed -> count(passed, totals));
    weights(version);
    line("made of weights version %d by the update of round %d", version - 1, version - 1);
    updates(version - 1);
    line("decided by");
    line(
        "  %s at offset %d, digest %s",
        round.source().source(), round.source().offset(), shown(Digests.of(round.verdict())));
    line(
        round.verdict().getSkipped()
            ? "the round was skipped for the gradients, which are not finite"
            : "made of the gradients");
    final SortedMap<Integer, LoggedRound.Said> said = round.products();
    for (final Shard shard : shards) {
      final LoggedRound.Said of = said.get(shard.index());
      for (final Contribution each :
          of == null ? List.<Contribution>of() : of.products().getContributionsList()) {
        line(
            "  shard %d, %s slot %d by %s: %s-%d at offset %d, digest %s",
            shard.index(),
            run.topics().nameOf(each.getTask()),
            each.getSlot(),
            each.getWorker(),
            run.topics().gradients(each.getTask()),
            shard.partition(),
            each.getOffset(),
            shown(each.getDigest()));
      }
    }
    data(round);
    line("all %d rounds up to here were made of", version);
    totals.forEach(
        (worker, tasks) ->
            tasks.forEach(
                (task, slots) ->
                    line("  %d slots of %s by %s", slots, run.topics().nameOf(task), worker)));
    return round;
  }

  /** What the slots' gradients were computed on, as far as their workers said. */
  private void data(LoggedRound round) {
    final var orders = new RoundOrders(run.spec());
    final var said = new TreeMap<Integer, ShardStatistics.Slot>();
    for (final LoggedRound.Statement statement : round.statements()) {
      for (final ShardStatistics.Slot slot : statement.statistics().getSlotsList()) {
        if (!slot.getBatchDigest().isEmpty()) {
          said.putIfAbsent(run.slots().place(slot.getTask(), slot.getSlot()), slot);
        }
      }
    }
    if (!said.isEmpty()) {
      line("computed on the samples");
    }
    said.values()
        .forEach(
            slot -> {
              final Order order = orders.of(round.round(), slot.getTask(), slot.getSlot(), 0);
              line(
                  "  %s slot %d: micro-batch %d of %d, SHA-256 %s",
                  run.topics().nameOf(slot.getTask()),
                  slot.getSlot(),
                  order.getMicroBatch(),
                  order.getBatchSize(),
                  shown(slot.getBatchDigest()));
            });
  }

  /** Counts each slot once, at the first of the shards where its task has values. */
  private void count(LoggedRound round, SortedMap<String, SortedMap<Integer, Long>> totals) {
    if (round.verdict().getSkipped()) {
      return;
    }
    final SortedMap<Integer, LoggedRound.Said> said = round.products();
    final var counted = new TreeSet<Integer>();
    for (final Shard shard : shards) {
      final LoggedRound.Said of = said.get(shard.index());
      for (final Contribution each :
          of == null ? List.<Contribution>of() : of.products().getContributionsList()) {
        if (counted.add(run.slots().place(each.getTask(), each.getSlot()))) {
          totals
              .computeIfAbsent(each.getWorker(), absent -> new TreeMap<>())
              .merge(each.getTask(), 1L, Long::sum);
        }
      }
    }
  }

  private void weights(long version) {
    records(
        lineage.weights(version), "no longer kept", WeightShard.parser(), WeightShard::getDigest);
  }

  private void updates(long round) {
    records(lineage.updates(round), "not there", UpdateShard.parser(), UpdateShard::getDigest);
  }

  private <H extends MessageLite> void records(
      Map<Integer, LogRecord> records,
      String absent,
      Parser<H> parser,
      Function<H, ByteString> digest) {
    for (final Shard shard : shards) {
      final LogRecord record = records.get(shard.index());
      if (record == null) {
        line("  shard %d: %s", shard.index(), absent);
        continue;
      }
      try {
        line(
            "  shard %d: %s at offset %d, digest %s",
            shard.index(),
            record.source(),
            record.offset(),
            shown(digest.apply(ValuesRecord.read(record.bytes(), parser).header())));
      } catch (MalformedRecordException e) {
        line(
            "  shard %d: %s at offset %d, unreadable",
            shard.index(), record.source(), record.offset());
      }
    }
  }

  private static String shown(ByteString digest) {
    final String hex = HexFormat.of().formatHex(digest.toByteArray());
    return hex.isEmpty() ? "none" : hex.substring(0, Math.min(SHOWN_DIGITS, hex.length()));
  }

  /** Names come from the topics, where anybody may have written them. */
  private void line(String format, Object... values) {
    text.append(Printable.of(format.formatted(values))).append(System.lineSeparator());
  }
}
