package io.gradstream.proto.run;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.proto.UserError;
import io.gradstream.proto.evidence.Digests;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.message.RunRecord;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.spec.TaskSlots;
import io.gradstream.proto.topic.TopicKind;
import io.gradstream.proto.topic.Topics;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The spec and manifest of a run, read from a cluster or an archive.
 *
 * @param spec the submitted spec, with overrides applied
 * @param manifest what its parameter vector means
 * @param record the bytes on the run's spec topic that say so
 */
public record RunDescription(RunSpec spec, Manifest manifest, ByteString record) {
  /** The revision of the protocol that runs are submitted in. */
  public static final int FORMAT = 2;

  /** The version of the arithmetic that new runs are submitted with. */
  public static final int ARITHMETIC = 2;

  /** What GCond did in version 1, where its options say nothing else. */
  private static final List<String> GCOND_1 =
      List.of(
          "resolver.scores=projected",
          "resolver.norm-average=from-one",
          "resolver.dominance=overall",
          "resolver.critical-loser=dropped",
          "resolver.tolerance=0");

  private static final int MAX_ORDER_PARTITIONS = 16;

  /** Describes a run that is to be submitted. */
  public static RunDescription of(RunSpec spec, Manifest manifest) {
    return of(spec, manifest, RunRecord.getDefaultInstance());
  }

  /**
   * The same with what else is known of it.
   *
   * @param also a record with fields that spec and manifest do not give, such as the origin and
   *     {@link #provenance}
   */
  public static RunDescription of(RunSpec spec, Manifest manifest, RunRecord also) {
    final RunRecord record = record(spec, manifest).mergeFrom(also).build();
    return new RunDescription(spec, manifest, record.toByteString());
  }

  /** Describes a run that is to be submitted and begins from another run's weights. */
  public static RunDescription of(RunSpec spec, Manifest manifest, RunRecord.Origin origin) {
    return of(spec, manifest, RunRecord.newBuilder().setOrigin(origin).build());
  }

  private static RunRecord.Builder record(RunSpec spec, Manifest manifest) {
    return RunRecord.newBuilder()
        .setSpec(spec.text())
        .setManifest(manifest.toRecord())
        .setFormat(FORMAT)
        .setArithmetic(ARITHMETIC)
        .addAllPlugins(RunPlugins.usedBy(spec));
  }

  /**
   * Reads a run's record.
   *
   * @param source what messages call it, such as {@code topic digits-mae.spec}
   * @throws UserError when it is none
   */
  public static RunDescription read(byte[] record, String source) {
    try {
      final RunRecord run = RunRecord.parseFrom(record);
      requireKnown(source, "format", run.getFormat(), FORMAT);
      requireKnown(source, "arithmetic", run.getArithmetic(), ARITHMETIC);
      return new RunDescription(
          spec(run, source), Manifest.fromRecord(run.getManifest()), ByteString.copyFrom(record));
    } catch (InvalidProtocolBufferException e) {
      throw new UserError(source + " holds no run record", e);
    }
  }

  /** The spec as its version of the arithmetic reads it: defaults have changed since. */
  private static RunSpec spec(RunRecord run, String source) {
    final RunSpec spec = RunSpec.parse(run.getSpec(), source, List.of());
    if (run.getArithmetic() > 1 || !spec.resolver().kind().equals("gcond")) {
      return spec;
    }
    final var defaults = new ArrayList<String>(GCOND_1);
    if (!spec.resolver().toString().contains("eps:")) {
      defaults.add("resolver.eps=1e-8");
    }
    return RunSpec.parse(run.getSpec(), source, defaults);
  }

  private static void requireKnown(String source, String what, int version, int known) {
    if (version > known) {
      throw new UserError(
          "%s: a run of %s version %d, and this Gradstream knows versions up to %d; use a newer one"
              .formatted(source, what, version, known));
    }
  }

  /** The revision of the protocol that the run's records follow. */
  public int format() {
    return Math.max(1, parsed().getFormat());
  }

  /** The version of the arithmetic that decides the run's bits. */
  public int arithmetic() {
    return Math.max(1, parsed().getArithmetic());
  }

  /**
   * Refuses to go on with a run that an older version began: its new records would not fit the old
   * ones. Its log can still be audited, explained, restored, replayed and forked.
   *
   * @throws UserError if the run is of another format or arithmetic
   */
  public void requireCurrent() {
    if (format() != FORMAT || arithmetic() != ARITHMETIC) {
      throw new UserError(
          ("run %s was begun by an older Gradstream (format %d, arithmetic %d; this one writes %d, %d):"
                  + " it can be audited, explained, restored and replayed, not trained; to go on from"
                  + " its weights: gradstream fork --run %s --version V --as NAME")
              .formatted(spec.run(), format(), arithmetic(), FORMAT, ARITHMETIC, spec.run()));
    }
  }

  private RunRecord parsed() {
    try {
      return RunRecord.parseFrom(record);
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException("the record was read before", e);
    }
  }

  /** Whether the parameter server seals the run's weights, as it does since format 2. */
  public boolean isSealed() {
    return format() >= 2;
  }

  /**
   * The first of the records on a spec topic that is a run record: what comes later is not
   * believed.
   *
   * @param run the run's name, which the topic bears
   * @param records in order, null for those without a value
   * @param source what messages call the topic
   * @throws UserError when there is none, or it is that of another run, or cannot be read
   */
  public static RunDescription first(
      String run, Iterable<byte @Nullable []> records, String source) {
    for (final byte[] record : records) {
      if (record != null && isRunRecord(record)) {
        final RunDescription found = read(record, source);
        if (!found.spec().run().equals(run)) {
          throw new UserError(
              "%s holds run %s; a run cannot be renamed".formatted(source, found.spec().run()));
        }
        return found;
      }
    }
    throw new UserError(
        "%s holds no run record; if it had one and lost it, gradstream delete --run %s removes what is left, and the run can be submitted anew"
            .formatted(source, run));
  }

  /** Whether a record on a spec topic is a run's own, and no chunk of a file. */
  public static boolean isRunRecord(byte[] record) {
    try {
      final RunRecord run = RunRecord.parseFrom(record);
      return !run.getSpec().isEmpty() && run.hasManifest();
    } catch (InvalidProtocolBufferException e) {
      return false;
    }
  }

  /** SHA-256 of the record: what every gradient and verdict of the run is bound to. */
  public ByteString digest() {
    return Digests.of(record);
  }

  /**
   * What its gradients follow from beside spec and weights: the record's files, framework and
   * digest of the data, as far as they were known when the run was submitted.
   */
  public RunRecord provenance() {
    final RunRecord run = parsed();
    final var known =
        RunRecord.newBuilder()
            .addAllFiles(run.getFilesList())
            .setData(run.getData())
            .addAllTaskData(run.getTaskDataList());
    return run.hasFramework() ? known.setFramework(run.getFramework()).build() : known.build();
  }

  /** The jars that give names of the spec, as they were when the run was submitted. */
  List<RunRecord.Plugin> plugins() {
    return parsed().getPluginsList();
  }

  /** What the model is built of, by names of its own; empty where it did not say. */
  public SortedMap<String, String> model() {
    return new TreeMap<>(parsed().getModelMap());
  }

  /**
   * The file that the weights began with, as it was when the run was submitted; without a digest
   * where they began otherwise.
   */
  public RunRecord.File initialWeights() {
    return parsed().getInitialWeights();
  }

  /** Where a forked run began; empty for any other. */
  public Optional<RunRecord.Origin> origin() {
    final RunRecord run = parsed();
    return run.hasOrigin() ? Optional.of(run.getOrigin()) : Optional.empty();
  }

  /** The first round: that of the weights version that the run began with. */
  public long firstRound() {
    return origin().map(RunRecord.Origin::getVersion).orElse(0L);
  }

  public Topics topics() {
    return new Topics(spec.run(), manifest.tasks());
  }

  /** Full names of the run's topics of one kind, task by task where each has one. */
  public List<String> topicsOf(TopicKind kind) {
    return switch (kind.each()) {
      case RUN -> List.of(kind.of(spec.run()));
      case TASK ->
          IntStream.range(0, orderedTasks()).mapToObj(task -> topics().of(kind, task)).toList();
      case FORK -> origin().isPresent() ? List.of(kind.of(spec.run())) : List.of();
    };
  }

  /** How many slots each task has in a round. */
  public TaskSlots slots() {
    return spec.slots();
  }

  /**
   * How many tasks orders are given for: the run's, and the pseudo-task where rounds are selected.
   */
  public int orderedTasks() {
    return manifest.tasks().size() + (spec.selection().kind().equals("none") ? 0 : 1);
  }

  /**
   * Partitions of a task's orders. A share group gives each partition to one worker unless there
   * are more workers than partitions; one for each slot spreads every round's orders evenly.
   */
  public int orderPartitions() {
    return Math.min(MAX_ORDER_PARTITIONS, slots().most());
  }
}
