package io.gradstream.producer.model;

import io.gradstream.proto.UserError;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.spec.TaskSpec;
import java.util.HashMap;
import java.util.Map;

/** What several kinds of models require of a run spec. */
public final class Requirements {
  /** What the key {@code eval-gradients} of models is. */
  public static final String EVAL_GRADIENTS =
      "true: gradients are taken in evaluation mode, with the running statistics of batch"
          + " normalisation and without dropout, as the GCond paper does; buffers learn from the"
          + " batches all the same";

  private Requirements() {}

  /**
   * Requires that every task's loss is the model's own.
   *
   * @param advice what is true of the model's losses, and what to do
   * @throws UserError if one is another
   */
  public static void givenLosses(RunSpec spec, String advice) {
    for (final TaskSpec task : spec.tasks()) {
      if (!task.loss().kind().equals("given")) {
        throw task.loss().error("type", advice);
      }
    }
  }

  /**
   * Requires that each task has an output of its own.
   *
   * @throws UserError if two have the same
   */
  public static void distinctOutputs(RunSpec spec) {
    final Map<String, Integer> first = new HashMap<>();
    for (int i = 0; i < spec.tasks().size(); i++) {
      final String output = spec.tasks().get(i).outputName();
      final Integer earlier = first.putIfAbsent(output, i);
      if (earlier != null) {
        throw new UserError(
            "tasks.%d.output: %s is already the output of tasks.%d; two tasks of one loss would have one gradient twice"
                .formatted(i, output, earlier));
      }
    }
  }
}
