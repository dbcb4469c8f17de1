package io.gradstream.audit.check;

import io.gradstream.audit.rounds.Finding;
import io.gradstream.proto.manifest.Shard;
import java.util.List;
import org.apache.kafka.common.TopicPartition;

/** What can be wrong with a partition's weights and their seals, in words. */
final class WeightFindings {
  /**
   * What is wrong with a record that may be damaged or junk.
   *
   * @param credible whether it is a seal that readers may have taken
   */
  record Suspect(Finding finding, boolean credible) {
    /** What it is where another record counts. */
    Finding junk() {
      return new Finding(
          credible ? Finding.Kind.SEAL : Finding.Kind.ORDER,
          finding.round(),
          finding.where(),
          finding.offset(),
          (credible ? "not the run's, and readers may have taken it: " : "not the run's: ")
              + finding.what(),
          finding.recorded(),
          finding.expected());
    }
  }

  private final TopicPartition partition;
  private final List<Shard> shards;

  WeightFindings(TopicPartition partition, List<Shard> shards) {
    this.partition = partition;
    this.shards = shards;
  }

  /** What a record says that it is. */
  String text(WeightsStatement says) {
    return text(says.version(), says.item());
  }

  private String text(long version, int item) {
    return item < shards.size()
        ? "shard %d of version %d".formatted(shards.get(item).index(), version)
        : "the seal of version " + version;
  }

  /** A record that is not as it was computed, and of which no more was kept. */
  Suspect suspect(VersionRecords of, int item) {
    return new Suspect(
        Finding.of(
            of.isSeal(item) ? Finding.Kind.SEAL : Finding.Kind.WEIGHTS,
            SealComparison.round(of.version()),
            partition,
            of.other(item),
            text(of.version(), item) + ", not as it was computed"),
        of.isSeal(item));
  }

  /** A record of a version lies in front of those of an earlier one. */
  Finding outOfPlace(VersionRecords of, int item, long earlier) {
    return Finding.of(
        Finding.Kind.ORDER,
        SealComparison.round(of.version()),
        partition,
        of.place(item),
        "%s lies before those of %d; nobody can have had it then"
            .formatted(text(of.version(), item), earlier));
  }

  /** A record is not there; a seal is missed behind its version's shards. */
  Finding missing(VersionRecords of, int item) {
    return Finding.of(
        Finding.Kind.MISSING,
        SealComparison.round(of.version()),
        partition,
        of.isSeal(item) ? of.behindShards() : Finding.NOWHERE,
        of.isSeal(item)
            ? "the seal of version %d is not there".formatted(of.version())
            : "the weights of shard %d, version %d, are not there"
                .formatted(shards.get(item).index(), of.version()));
  }
}
