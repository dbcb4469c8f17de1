package io.gradstream.proto.topic;

import java.util.EnumSet;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The kinds of topics that a run has. Each declares here, once, all that is true of it: its name,
 * its partitions, how long it is kept, and who may write it.
 *
 * <p>All of them are archived, in this order: what follows from a record comes before the record
 * itself, so that an archive of a run that still trains lacks no cause.
 */
public enum TopicKind {
  /** What was submitted first counts, so nothing may take its place. */
  SPEC("spec", Partitions.ONE, Kept.FOR_EVER, Writer.SUBMISSION),
  WEIGHTS(
      "weights", Partitions.SHARDS, Kept.LATEST_VERSIONS, Writer.SERVER, Writer.SUBMISSION_OF_FORK),
  UPDATES("updates", Partitions.SHARDS, Kept.AS_EVIDENCE, Writer.ARBITRATOR, Writer.SUBMISSION),
  VERDICTS(
      "verdicts",
      Partitions.SHARDS,
      Kept.AS_EVIDENCE,
      Writer.ARBITRATOR,
      Writer.SUBMISSION_OF_FORK),
  STATISTICS("statistics", Partitions.ONE, Kept.AS_EVIDENCE, Writer.ARBITRATOR),
  GRADIENTS("gradients", Partitions.SHARDS, Kept.AS_EVIDENCE, Writer.WORKER),
  ORDERS("orders", Partitions.SLOTS, Kept.AS_EVIDENCE, Writer.SERVER),
  METRICS("metrics", Partitions.ONE, Kept.AS_EVIDENCE, Writer.ARBITRATOR, Writer.EVALUATOR),
  DEAD_LETTERS("dead-letters", Partitions.ONE, Kept.AS_EVIDENCE, Writer.ARBITRATOR, Writer.SERVER),
  /** Of forked runs alone. */
  STATE("state", Partitions.SHARDS, Kept.FOR_EVER, Writer.SUBMISSION_OF_FORK);

  /** What a kind's partitions are counted by. */
  public enum Partitions {
    ONE,
    /** As many as the run spec gives the topics that carry shards. */
    SHARDS,
    /** Enough for workers to share a round's slots evenly. */
    SLOTS
  }

  /** What Kafka keeps. */
  public enum Kept {
    FOR_EVER,
    /** As long as {@code transport.retention-hours} says; without it for ever. */
    AS_EVIDENCE,
    /** The latest versions of the weights. */
    LATEST_VERSIONS
  }

  /** Who writes records; the documents name it in these words. */
  public enum Writer {
    SUBMISSION("submission"),
    SUBMISSION_OF_FORK("submission of a fork"),
    SERVER("parameter server"),
    ARBITRATOR("arbitrator"),
    WORKER("workers"),
    EVALUATOR("evaluator");

    private final String words;

    Writer(String words) {
      this.words = words;
    }

    @Override
    public String toString() {
      return words;
    }
  }

  /** What Kafka Streams keeps for the two services: changelogs, named after the application. */
  private static final Pattern OF_STREAMS = Pattern.compile("(arbitrator|server)-.+-changelog");

  private final String suffix;
  private final Partitions partitions;
  private final Kept kept;

  @SuppressWarnings("ImmutableEnumChecker") // a copy that nobody can change
  private final Set<Writer> writers;

  TopicKind(String suffix, Partitions partitions, Kept kept, Writer... writers) {
    this.suffix = suffix;
    this.partitions = partitions;
    this.kept = kept;
    this.writers = Set.of(writers);
  }

  /** The topic of a run; where each task has one, what their names begin with. */
  public String of(String run) {
    return run + "." + suffix;
  }

  /** Whether each task has a topic of this kind, whose name the task's follows after a dot. */
  public boolean isPerTask() {
    return this == ORDERS || this == GRADIENTS;
  }

  public Partitions partitions() {
    return partitions;
  }

  public Kept kept() {
    return kept;
  }

  public Set<Writer> writers() {
    return writers;
  }

  /** The kinds that somebody writes, and that it needs the right to write. */
  public static Set<TopicKind> writtenBy(Writer writer) {
    return Stream.of(values())
        .filter(kind -> kind.writers.contains(writer))
        .collect(Collectors.toCollection(() -> EnumSet.noneOf(TopicKind.class)));
  }

  /** Whether a topic is of this kind, in the run of that name. */
  public boolean includes(String run, String topic) {
    final String name = of(run);
    return isPerTask() ? topic.startsWith(name + ".") : topic.equals(name);
  }

  /**
   * Whether a topic belongs to a run, by its name alone: one of these kinds, or a changelog of one
   * of the run's services.
   */
  public static boolean isOfRun(String run, String topic) {
    if (!topic.startsWith(run + ".")) {
      return false;
    }
    for (final TopicKind kind : values()) {
      if (kind.includes(run, topic)) {
        return true;
      }
    }
    return OF_STREAMS.matcher(topic.substring(run.length() + 1)).matches();
  }
}
