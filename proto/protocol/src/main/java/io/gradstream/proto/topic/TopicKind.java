package io.gradstream.proto.topic;

import java.util.EnumSet;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The kinds of topics that a run has. Each declares here, once, all that is true of it: its name,
 * who has one, its partitions, how long it is kept, and who may write it. What creates, writes,
 * cuts or archives topics follows these declarations.
 *
 * <p>They stand in the order from effects to causes: what follows from a record comes before the
 * record itself. A log is cut and archived in this order, so a cut of a run that still trains lacks
 * no cause. Dead letters come after the records that they refuse, so no refused record in a cut
 * lacks its letter.
 */
public enum TopicKind {
  /** The first submission counts, so no later record may take its place. */
  SPEC("spec", Each.RUN, Partitions.ONE, Kept.FOR_EVER, Writer.SUBMISSION),
  METRICS(
      "metrics", Each.RUN, Partitions.ONE, Kept.AS_EVIDENCE, Writer.ARBITRATOR, Writer.EVALUATOR),
  WEIGHTS(
      "weights",
      Each.RUN,
      Partitions.SHARDS,
      Kept.LATEST_VERSIONS,
      Writer.SERVER,
      Writer.SUBMISSION_OF_FORK),
  UPDATES(
      "updates",
      Each.RUN,
      Partitions.SHARDS,
      Kept.AS_EVIDENCE,
      Writer.ARBITRATOR,
      Writer.SUBMISSION),
  VERDICTS(
      "verdicts",
      Each.RUN,
      Partitions.COPIES,
      Kept.AS_EVIDENCE,
      Writer.ARBITRATOR,
      Writer.SUBMISSION_OF_FORK),
  STATISTICS("statistics", Each.RUN, Partitions.ONE, Kept.AS_EVIDENCE, Writer.ARBITRATOR),
  GRADIENTS("gradients", Each.TASK, Partitions.SHARDS, Kept.AS_EVIDENCE, Writer.WORKER),
  ORDERS("orders", Each.TASK, Partitions.SLOTS, Kept.AS_EVIDENCE, Writer.SERVER),
  DEAD_LETTERS(
      "dead-letters", Each.RUN, Partitions.ONE, Kept.AS_EVIDENCE, Writer.ARBITRATOR, Writer.SERVER),
  STATE("state", Each.FORK, Partitions.SHARDS, Kept.FOR_EVER, Writer.SUBMISSION_OF_FORK);

  /** Who has a topic of a kind. */
  public enum Each {
    RUN,
    /** Each task of a run, and the sum of all losses where rounds are selected. */
    TASK,
    /** A forked run; others have none. */
    FORK
  }

  /** How many partitions a kind has, and which of them a record goes to. */
  public enum Partitions {
    ONE,
    /** As many as the run spec gives the topics that carry shards; a record goes to its shard's. */
    SHARDS,
    /** As many, and each holds a copy of every record. */
    COPIES,
    /** Enough for workers to share a round's slots evenly; a record goes where its slot says. */
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
  private final Each each;
  private final Partitions partitions;
  private final Kept kept;

  @SuppressWarnings("ImmutableEnumChecker") // a copy that nobody can change
  private final Set<Writer> writers;

  TopicKind(String suffix, Each each, Partitions partitions, Kept kept, Writer... writers) {
    this.suffix = suffix;
    this.each = each;
    this.partitions = partitions;
    this.kept = kept;
    this.writers = Set.of(writers);
  }

  /** The topic of a run; where each task has one, what their names begin with. */
  public String of(String run) {
    return run + "." + suffix;
  }

  /** Who has a topic of this kind. A task's topic ends with a dot and the task's name. */
  public Each each() {
    return each;
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
    return each == Each.TASK ? topic.startsWith(name + ".") : topic.equals(name);
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
