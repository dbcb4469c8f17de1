package io.gradstream.proto.spec;

import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * One task: a loss of the model.
 *
 * @param name names the task's topics
 * @param loss the loss and its options
 * @param weight lambda: multiplies the task's gradient at the arbitrator; the log holds raw
 *     gradients
 * @param output which of the model's outputs, or of a script's losses; null for the one that is
 *     named like the task
 * @param target which field of the data the loss compares the output with; null where the loss
 *     compares with none
 * @param microBatches its slots in a round; null for as many as the accumulation gives it
 * @param batchSize samples of its micro-batches; null for the accumulation's
 * @param data what it is trained and validated on; null for the run's data
 */
public record TaskSpec(
    @Param(
            value = "name of the task, unique in the run; part of its topics' names",
            inFork = Param.InFork.FIXED)
        String name,
    @Param("the loss this task minimises") @Section.KindKey("type") Section loss,
    @Param(
            value = "weight (lambda) of the task's gradient",
            defaultValue = "1.0",
            min = 0,
            max = 1e6,
            inReplay = true)
        double weight,
    @Param("which of the model's outputs the loss is taken of; absent: the one named like the task")
        @Nullable String output,
    @Param("which field of the data the output is compared with, for losses that compare")
        @Nullable String target,
    @Param(
            value =
                "micro-batches of the task in a round; absent: as accumulation says; with"
                    + " stochastic accumulation either all tasks have this key or none",
            min = 1,
            max = 65536,
            inFork = Param.InFork.FIXED)
        @Nullable Integer microBatches,
    @Param(
            value = "samples of one micro-batch of the task; absent: as accumulation says",
            min = 1,
            max = 1048576)
        @Nullable Integer batchSize,
    @Param("the task's own training and held-out data; absent: the run's") @Section.KindKey("type")
        @Nullable Section data) {
  private static final Pattern NAME = Pattern.compile("[a-z0-9]([a-z0-9-]*[a-z0-9])?");

  /** The same with the output that is named like the task. */
  public TaskSpec(String name, Section loss, double weight) {
    this(name, loss, weight, null, null, null, null, null);
  }

  /** The name of the output that the loss is taken of. */
  public String outputName() {
    return output == null ? name : output;
  }

  public TaskSpec {
    if (!NAME.matcher(name).matches() || name.length() > 40) {
      throw new SpecError(
          "name",
          "\""
              + name
              + "\" is not allowed; use at most 40 of a-z, 0-9 and inner hyphens, such as \"left-digit\"");
    }
    if (name.equals("all")) {
      throw new SpecError("name", "\"all\" is reserved for all tasks together; choose another");
    }
  }
}
