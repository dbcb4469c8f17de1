package io.gradstream.audit.rounds;

import io.gradstream.arbitrator.round.SlotGradient;
import io.gradstream.proto.log.LogRecord;

/**
 * Takes the gradients that a round is made of: of each task and shard in slot order, so that {@link
 * io.gradstream.arbitrator.round.PartitionRound#add} can take them as they come.
 */
@FunctionalInterface
public interface CountedGradients {
  /**
   * @param record where it lies; its partition is the shard's
   */
  void add(SlotGradient gradient, LogRecord record);
}
