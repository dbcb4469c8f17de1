package io.gradstream.submission;

import io.gradstream.proto.UserError;
import io.gradstream.proto.manifest.Manifest;
import io.gradstream.proto.run.RunDescription;
import io.gradstream.proto.spec.TaskSlots;
import java.util.Locale;

/**
 * The largest records that a run will write, computed before it begins: each must fit what a stock
 * broker takes. What does not grow with a run's numbers, or is split as it grows, is not among
 * them.
 *
 * <p>With N tasks, K slots of all tasks in G groups a task, R = N G, S shards on a partition, in
 * bytes at most:
 *
 * <ul>
 *   <li>statistics of a shard: 200 K + 8 (2 R² + 2 G N² + 4 R + R (G - 1) / 2) + 200;
 *   <li>a verdict: 8 R² + 40 G N² + 600 R + 265,000, of which 265,000 are for 4,096 arbitrations;
 *   <li>a seal: 80 S + 300;
 *   <li>the run's own record: what its tensors, shards and spec take.
 * </ul>
 */
final class RecordLimits {
  /** Kafka's default {@code message.max.bytes}, less the headers of a batch and a record. */
  static final long RECORD_BYTES = 1_048_588 - 1_000;

  /** A contribution: worker's name of 128 bytes, digest of 32, offset, task, slot; and its norm. */
  private static final long CONTRIBUTION = 200;

  private static final long SEALED_SHARD = 80;

  private RecordLimits() {}

  /**
   * Checks a run.
   *
   * @throws UserError with the setting to change, and to what, if a record could not be written
   */
  static void require(RunDescription run) {
    final Manifest manifest = run.manifest();
    final long tasks = manifest.tasks().size();
    final TaskSlots ofTasks = run.slots();
    final long slots = ofTasks.ofAll();
    final long groups = ofTasks.groups();
    if (verdict(tasks, 1) > RECORD_BYTES) {
      throw tooLarge(
          "tasks",
          "%d tasks make verdicts".formatted(tasks),
          verdict(tasks, 1),
          "at most " + largest(more -> verdict(more, 1)));
    }
    if (statistics(tasks, slots, 1) > RECORD_BYTES) {
      throw tooLarge(
          ofTasks.isAlike() ? "accumulation.micro-batches" : "tasks.micro-batches",
          ofTasks.isAlike()
              ? "%d slots a task and %d tasks make statistics".formatted(ofTasks.most(), tasks)
              : "%d slots of all tasks together make statistics".formatted(slots),
          statistics(tasks, slots, 1),
          ofTasks.isAlike()
              ? "at most " + largest(more -> statistics(tasks, tasks * more, 1))
              : "at most " + largest(more -> statistics(tasks, more, 1)) + " together");
    }
    final long both = Math.max(verdict(tasks, groups), statistics(tasks, slots, groups));
    if (both > RECORD_BYTES) {
      throw tooLarge(
          "accumulation.groups",
          "%d groups of %d tasks make statistics or verdicts".formatted(groups, tasks),
          both,
          "at most "
              + Math.min(
                  largest(more -> verdict(tasks, more)),
                  largest(more -> statistics(tasks, slots, more)))
              + " groups: give fewer micro-batches, or a number of groups");
    }
    long shards = 0;
    for (int partition = 0; partition < manifest.partitions(); partition++) {
      shards = Math.max(shards, manifest.shardsOf(partition).size());
    }
    if (seal(shards) > RECORD_BYTES) {
      throw tooLarge(
          "transport.partitions",
          "%d shards on a partition make seals".formatted(shards),
          seal(shards),
          "give more partitions, so that none has more than "
              + largest(RecordLimits::seal)
              + " shards");
    }
    final long record = run.record().size();
    if (record > RECORD_BYTES) {
      throw tooLarge(
          "transport.shard-values",
          "%d tensors in %d shards make the run's own record"
              .formatted(manifest.tensors().size(), manifest.shards().size()),
          record,
          "give larger shards, or a model with fewer tensors");
    }
  }

  /**
   * @param slots of all tasks together
   */
  static long statistics(long tasks, long slots, long groups) {
    final long rows = tasks * groups;
    return CONTRIBUTION * slots
        + 8 * (2 * rows * rows + 2 * groups * tasks * tasks + 4 * rows + rows * (groups - 1) / 2)
        + 200;
  }

  static long verdict(long tasks, long groups) {
    final long rows = tasks * groups;
    return 8 * rows * rows + 40 * groups * tasks * tasks + 600 * rows + 265_000;
  }

  static long seal(long shards) {
    return SEALED_SHARD * shards + 300;
  }

  private interface Size {
    long of(long count);
  }

  /** The largest count whose record still fits. */
  private static long largest(Size size) {
    long fits = 0;
    for (long step = 1L << 20; step > 0; step /= 2) {
      if (size.of(fits + step) <= RECORD_BYTES) {
        fits += step;
      }
    }
    return fits;
  }

  private static UserError tooLarge(String key, String what, long bytes, String remedy) {
    return new UserError(
        String.format(
            Locale.ROOT,
            "%s: %s of up to %,d bytes, and a record has at most %,d; %s",
            key,
            what,
            bytes,
            RECORD_BYTES,
            remedy));
  }
}
