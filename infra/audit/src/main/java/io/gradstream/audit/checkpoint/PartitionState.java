package io.gradstream.audit.checkpoint;

import com.google.protobuf.InvalidProtocolBufferException;
import io.gradstream.proto.UserError;
import io.gradstream.proto.log.LogCursor;
import io.gradstream.proto.log.LogRecord;
import io.gradstream.proto.log.RunLog;
import io.gradstream.proto.message.ArbitratorMetadata;
import io.gradstream.proto.message.ServerMetadata;
import io.gradstream.proto.message.StateRecord.Owner;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.record.MalformedRecordException;
import io.gradstream.proto.run.StoreImage;
import io.gradstream.server.weights.PartitionWeights;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.kafka.common.TopicPartition;

/**
 * The stores of arbitrator and parameter server on one partition, between two rounds.
 *
 * @param sums the arbitrator's vectors
 * @param round where the arbitrator stands
 * @param moments the parameter server's vectors
 * @param weights where the server stands
 */
public record PartitionState(
    HeldVectors sums, ArbitratorMetadata round, HeldVectors moments, ServerMetadata weights) {

  /** Before everything. */
  public static PartitionState empty() {
    return new PartitionState(
        new HeldVectors(),
        ArbitratorMetadata.getDefaultInstance(),
        new HeldVectors(),
        ServerMetadata.getDefaultInstance());
  }

  /**
   * What the services of a run began with, partition by partition: nothing, or in a forked run what
   * its log says.
   *
   * @throws UserError if a fork's log does not hold it
   */
  public static List<PartitionState> begun(RunLog log) {
    final boolean fork = log.run().origin().isPresent();
    return IntStream.range(0, log.run().manifest().partitions())
        .mapToObj(partition -> fork ? read(log, partition) : empty())
        .toList();
  }

  private static PartitionState read(RunLog log, int partition) {
    final var state = new TopicPartition(log.run().topics().state(), partition);
    final var arbitrator = new StoreImage.Reader(Owner.ARBITRATOR);
    final var server = new StoreImage.Reader(Owner.SERVER);
    try (LogCursor cursor = log.read(state, 0)) {
      for (LogRecord next = cursor.next(); next != null; next = cursor.next()) {
        arbitrator.add(next.value());
        server.add(next.value());
      }
      final StoreImage sums = arbitrator.image().orElseThrow(() -> missing(state));
      final StoreImage moments = server.image().orElseThrow(() -> missing(state));
      return new PartitionState(
          new HeldVectors(sums.vectors()),
          ArbitratorMetadata.parseFrom(sums.metadata()),
          new HeldVectors(moments.vectors()),
          ServerMetadata.parseFrom(moments.metadata()));
    } catch (MalformedRecordException | InvalidProtocolBufferException e) {
      throw new UserError(state + " holds what no fork wrote: " + e.getMessage(), e);
    }
  }

  private static UserError missing(TopicPartition state) {
    return new UserError(state + " does not hold the state that the run began with");
  }

  /** Says to weights over {@link #moments} which version they are. */
  public void restore(PartitionWeights held) {
    weights.getShardsList().forEach(held::restore);
  }

  /** The same state after another verdict. */
  public PartitionState after(Verdict verdict) {
    return new PartitionState(sums, round.toBuilder().setLast(verdict).build(), moments, weights);
  }

  /** The records of a fork's topic {@code state}, in a fixed order. */
  public List<StoreImage.Entry> entries() {
    final var entries =
        new ArrayList<>(new StoreImage(sums.all(), round.toByteString()).entries(Owner.ARBITRATOR));
    entries.addAll(new StoreImage(moments.all(), weights.toByteString()).entries(Owner.SERVER));
    return entries;
  }
}
