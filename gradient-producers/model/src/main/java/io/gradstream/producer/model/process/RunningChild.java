package io.gradstream.producer.model.process;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.gradstream.producer.data.ImageData;
import io.gradstream.producer.data.ImageSet;
import io.gradstream.producer.data.MicroBatches;
import io.gradstream.producer.model.SampleFields;
import io.gradstream.proto.UserError;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.spec.TaskSpec;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * A child that has described its model and shares its vectors with this process. Confined to one
 * thread.
 */
final class RunningChild implements AutoCloseable {
  /** Revision of the lines; both sides must have the same. */
  private static final int PROTOCOL = 1;

  private final Child child;
  private final SharedMemory memory;
  private final ChildDescription description;
  private final MemorySegment weights;
  private final MemorySegment gradient;
  private final @Nullable SampleFields fields;
  private final @Nullable MemorySegment samples;

  private RunningChild(
      Child child,
      SharedMemory memory,
      ChildDescription description,
      MemorySegment weights,
      MemorySegment gradient,
      @Nullable SampleFields fields,
      @Nullable MemorySegment samples) {
    this.child = child;
    this.memory = memory;
    this.description = description;
    this.weights = weights;
    this.gradient = gradient;
    this.fields = fields;
    this.samples = samples;
  }

  /**
   * Starts one and has it describe its model.
   *
   * @param seed of the initial weights
   * @param batches which samples batch 0 has, where they are this process's
   * @throws ChildFailure if it does not come that far
   * @throws UserError if script and spec do not fit together
   */
  static RunningChild start(ProcessSetup setup, long seed, @Nullable MicroBatches batches)
      throws ChildFailure {
    final Child child =
        Child.start(
            setup.spec().run() + " " + setup.command().words().getLast(),
            setup.command().words(),
            setup.environment(seed),
            setup.command().source());
    final var memory = new SharedMemory();
    try {
      return start(setup, child, memory, batches);
    } catch (ChildFailure | RuntimeException | Error e) {
      child.kill();
      memory.close();
      throw e;
    }
  }

  private static RunningChild start(
      ProcessSetup setup, Child child, SharedMemory memory, @Nullable MicroBatches batches)
      throws ChildFailure {
    final Duration limit = setup.startLimit();
    final JsonNode hello = child.hello(limit);
    requireProtocol(hello, setup);
    requireOneSource(hello, setup);
    final ObjectNode describe = describe(setup.spec());
    final ImageData data = setup.data();
    MappedFile samples = null;
    SampleFields fields = null;
    if (data != null && batches != null) {
      fields = new SampleFields(data.training(), setup.spec().accumulation().batchSize());
      samples = memory.create("samples", fields.bytes());
      fields.describe(describe.putArray("fields"));
      describe.put("samples", samples.path().toString());
      fields.write(data.training(), batches.samples(0), samples.memory());
    }
    final JsonNode described;
    try {
      described = child.ask(describe, limit);
    } finally {
      if (samples != null) {
        samples.removeName();
      }
    }
    final ChildDescription description = ChildDescription.read(hello, described);
    final MappedFile weights = memory.create("weights", description.bytes());
    final MappedFile gradient;
    try {
      gradient = memory.create("gradient", description.bytes());
    } catch (UserError e) {
      weights.removeName();
      throw e;
    }
    try {
      child.ask(
          Child.command("map")
              .put("weights", weights.path().toString())
              .put("gradient", gradient.path().toString()),
          limit);
    } finally {
      weights.removeName();
      gradient.removeName();
    }
    return new RunningChild(
        child,
        memory,
        description,
        weights.memory(),
        gradient.memory(),
        fields,
        samples == null ? null : samples.memory());
  }

  private static void requireProtocol(JsonNode hello, ProcessSetup setup) {
    final int theirs = hello.path("gradstream").asInt();
    if (theirs != PROTOCOL) {
      throw new UserError(
          "%s: the script's package gradstream speaks revision %d of the lines between worker and script, and this Gradstream speaks %d; install the package that comes with it: pip install ./gradient-producers/python"
              .formatted(setup.command().source(), theirs, PROTOCOL));
    }
  }

  private static void requireOneSource(JsonNode hello, ProcessSetup setup) {
    final boolean brings = hello.path("brings_data").asBoolean();
    if (brings == (setup.data() != null)) {
      throw new UserError(
          brings
              ? "data: the script brings data of its own (data= or batch=); leave data out of the run spec, or out of the script"
              : "data: neither the run spec nor the script has any; give data: {type: overlay, directory: shipped:digits}, or data= in the script");
    }
    if (brings) {
      ProcessType.requireHeldOut(
          setup.spec(),
          hello.path("held_out").asInt(),
          "give at most so many, or a larger held_out= in the script");
    }
  }

  private static ObjectNode describe(RunSpec spec) {
    final ObjectNode describe =
        Child.command("describe")
            .put("seed", spec.seed())
            .put("batch_size", spec.accumulation().batchSize())
            .put("threads", spec.compute().intraOpThreads());
    final ArrayNode tasks = describe.putArray("tasks");
    for (final TaskSpec task : spec.tasks()) {
      tasks
          .addObject()
          .put("name", task.name())
          .put("output", task.outputName())
          .put("weight", task.weight());
    }
    return describe;
  }

  ChildDescription description() {
    return description;
  }

  MemorySegment weights() {
    return weights;
  }

  MemorySegment gradient() {
    return gradient;
  }

  /** Makes samples the next batch. */
  void writeSamples(ImageSet from, int[] which) {
    if (fields == null || samples == null) {
      throw new IllegalStateException("the script makes its own batches");
    }
    fields.write(from, which, samples);
  }

  JsonNode ask(ObjectNode command, Duration limit) throws ChildFailure {
    return child.ask(command, limit);
  }

  /** Kills the child; the vectors stay until it is closed. */
  void kill() {
    child.kill();
  }

  @Override
  public void close() {
    child.close();
    memory.close();
  }
}
