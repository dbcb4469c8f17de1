package io.gradstream.producer.model.process;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.gradstream.producer.data.ImageSet;
import io.gradstream.producer.model.TaskData;
import io.gradstream.proto.UserError;
import io.gradstream.proto.spec.RunSpec;
import io.gradstream.proto.spec.TaskBatches;
import io.gradstream.proto.spec.TaskSpec;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * A child that has described its model and shares its vectors with this process. Confined to one
 * thread.
 */
final class RunningChild implements AutoCloseable {
  /** Revision of the lines; both sides must have the same. */
  private static final int PROTOCOL = 2;

  private final Child child;
  private final SharedMemory memory;
  private final ChildDescription description;
  private final MemorySegment weights;
  private final MemorySegment gradient;
  private final List<MappedSamples> samples;

  private RunningChild(
      Child child,
      SharedMemory memory,
      ChildDescription description,
      MemorySegment weights,
      MemorySegment gradient,
      List<MappedSamples> samples) {
    this.child = child;
    this.memory = memory;
    this.description = description;
    this.weights = weights;
    this.gradient = gradient;
    this.samples = List.copyOf(samples);
  }

  /**
   * Starts one and has it describe its model.
   *
   * @param seed of the initial weights
   * @throws ChildFailure if it does not come that far
   * @throws UserError if script and spec do not fit together
   */
  static RunningChild start(ProcessSetup setup, long seed) throws ChildFailure {
    final Child child =
        Child.start(
            setup.spec().run() + " " + setup.command().words().getLast(),
            setup.command().words(),
            setup.environment(seed),
            setup.command().source());
    final var memory = new SharedMemory();
    try {
      return start(setup, child, memory);
    } catch (ChildFailure | RuntimeException | Error e) {
      child.kill();
      memory.close();
      throw e;
    }
  }

  private static RunningChild start(ProcessSetup setup, Child child, SharedMemory memory)
      throws ChildFailure {
    final Duration limit = setup.startLimit();
    final JsonNode hello = child.hello(limit);
    requireProtocol(hello, setup);
    requireOneSource(hello, setup);
    final ObjectNode describe = describe(setup);
    final List<MappedSamples> samples = new ArrayList<>();
    final JsonNode described;
    try {
      final TaskData data = setup.data();
      for (int source = 0; data != null && source < data.sources().size(); source++) {
        samples.add(MappedSamples.create(memory, "samples-" + source, data, source));
        samples.getLast().writeTraining(data, 0);
      }
      if (!samples.isEmpty()) {
        samples.getFirst().describe(describe);
      }
      if (samples.size() > 1) {
        final ArrayNode sources = describe.putArray("data");
        samples.forEach(each -> each.describe(sources.addObject()));
      }
      described = child.ask(describe, limit);
    } finally {
      samples.forEach(MappedSamples::removeName);
    }
    requirePerTask(described, setup);
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
        child, memory, description, weights.memory(), gradient.memory(), samples);
  }

  /** A child that reads neither would compute something else than was asked for. */
  private static void requirePerTask(JsonNode described, ProcessSetup setup) {
    final TaskBatches batches = setup.spec().batches();
    final boolean isAlike =
        batches.haveOneSize() && batches.haveOneSource() && batches.slots().isAlike();
    if (!isAlike && !described.path("per_task").asBoolean()) {
      throw new UserError(
          "%s: tasks of run %s have micro-batches, batch-size or data of their own, and the script does not know of that; %s"
              .formatted(
                  setup.command().source(),
                  setup.spec().run(),
                  "with the package gradstream: give data= in place of batch=, or a newer package; without it: docs/process-protocol.md"));
    }
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

  private static ObjectNode describe(ProcessSetup setup) {
    final RunSpec spec = setup.spec();
    final TaskData data = setup.data();
    final ObjectNode describe =
        Child.command("describe")
            .put("seed", spec.seed())
            .put("batch_size", spec.accumulation().batchSize())
            .put("threads", spec.compute().intraOpThreads())
            .put("eval_gradients", setup.options().evalGradients());
    final ArrayNode tasks = describe.putArray("tasks");
    for (int task = 0; task < spec.tasks().size(); task++) {
      final TaskSpec of = spec.tasks().get(task);
      final ObjectNode described =
          tasks
              .addObject()
              .put("name", of.name())
              .put("output", of.outputName())
              .put("weight", of.weight())
              .put("batch_size", spec.batches().size(task));
      if (data != null) {
        described.put("data", data.source(task));
      }
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

  /** Makes samples of a source of the data the next batch. */
  void writeSamples(int source, ImageSet from, int[] which) {
    samples.get(source).write(from, which);
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
