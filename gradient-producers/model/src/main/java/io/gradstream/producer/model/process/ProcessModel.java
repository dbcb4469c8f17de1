package io.gradstream.producer.model.process;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.protobuf.ByteString;
import io.gradstream.producer.model.DataDigests;
import io.gradstream.producer.model.ModelFailure;
import io.gradstream.producer.model.ModelFingerprint;
import io.gradstream.producer.model.Provenance;
import io.gradstream.producer.model.TaskData;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.proto.UserError;
import io.gradstream.proto.manifest.TensorShape;
import io.gradstream.proto.spec.TaskBatches;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A model that a child process computes.
 *
 * <p>A child that dies, takes too long or answers what was not asked is killed, and the next
 * request starts another, which must describe the same model; the weights are kept. One failure is
 * a {@link ModelFailure}, three in a row are an error for whoever wrote the script, with the
 * child's last words. A child that fails at the first start is that error at once.
 */
final class ProcessModel implements TaskModel {
  private static final Logger LOG = LoggerFactory.getLogger(ProcessModel.class);
  private static final int MAX_FAILURES = 3;

  private final ProcessSetup setup;
  private final TaskBatches batches;
  private RunningChild child;
  private boolean isDown;
  private int failures;
  private long fingerprint;
  private boolean hasFingerprint;

  ProcessModel(ProcessSetup setup) {
    this.setup = setup;
    this.batches = setup.spec().batches();
    this.child = started(setup.spec().seed());
    warnOfUnreached();
  }

  private RunningChild started(long seed) {
    try {
      return RunningChild.start(setup, seed);
    } catch (ChildFailure e) {
      throw error(String.valueOf(e.getMessage()), e);
    }
  }

  private void warnOfUnreached() {
    if (!child.description().unreached().isEmpty()) {
      LOG.warn(
          "run {}: no loss reaches {}: gradients there are always zero",
          setup.spec().run(),
          String.join(", ", child.description().unreached()));
    }
  }

  @Override
  public List<TensorShape> tensors() {
    return child.description().tensors();
  }

  /** Another segment after a child was started again. */
  @Override
  public MemorySegment weights() {
    return child.weights();
  }

  @Override
  public MemorySegment gradient() {
    return child.gradient();
  }

  @Override
  public void initialize(long seed) {
    if (seed != setup.spec().seed()) {
      final RunningChild other = started(seed);
      child.close();
      child = other;
    }
    untilItWorks(() -> child.ask(Child.command("initialize"), setup.startLimit()));
  }

  @Override
  public double gradient(int task, long microBatch) {
    return once(() -> gradient(task, microBatch, setup.gradientLimit()));
  }

  private double gradient(int task, long microBatch, Duration limit) throws ChildFailure {
    writeBatch(task, microBatch);
    final ObjectNode command = batch(Child.command("gradient").put("task", task), task, microBatch);
    return number(child.ask(command, limit).path("loss"), "loss");
  }

  @Override
  public double[] scalarizedGradient(long microBatch) {
    return once(
        () -> {
          writeBatch(0, microBatch);
          final ObjectNode command = batch(Child.command("summed"), 0, microBatch);
          return losses(child.ask(command, setup.gradientLimit()), setup.spec().tasks().size());
        });
  }

  /** Says which batch of a task. */
  private ObjectNode batch(ObjectNode command, int task, long microBatch) {
    return command
        .put("batch", microBatch)
        .put("first", batches.firstSample(task, microBatch))
        .put("samples", batches.size(task));
  }

  private void writeBatch(int task, long microBatch) {
    final TaskData data = setup.data();
    if (data != null) {
      child.writeSamples(
          data.source(task), data.of(task).training(), data.samples(task, microBatch));
    }
  }

  @Override
  public ByteString batchDigest(int task, long microBatch) {
    return setup.data() == null ? ByteString.EMPTY : setup.data().batchDigest(task, microBatch);
  }

  @Override
  public Validation validate(int samples) {
    final TaskData data = setup.data();
    final double[] sums = new double[setup.spec().tasks().size()];
    final SortedMap<String, Double> metrics = new TreeMap<>();
    if (data == null) {
      final int used = Math.min(samples, child.description().heldOut());
      final List<Integer> all = IntStream.range(0, sums.length).boxed().toList();
      validate(all, null, used, sums, metrics);
      return validation(used, sums, metrics);
    }
    final int used = data.heldOut(samples);
    for (final TaskData.Source source : data.sources()) {
      validate(source.tasks(), source, used, sums, metrics);
    }
    return validation(used, sums, metrics);
  }

  private static Validation validation(int used, double[] sums, SortedMap<String, Double> metrics) {
    return new Validation(
        used, Arrays.stream(sums).map(sum -> sum / used).toArray(), means(metrics, used));
  }

  /**
   * Adds up losses and metrics of tasks that have the same held-out data.
   *
   * @param source these data; null where the script has them
   */
  private void validate(
      List<Integer> tasks,
      TaskData.@Nullable Source source,
      int used,
      double[] sums,
      SortedMap<String, Double> metrics) {
    final int batchSize = batches.size(tasks.getFirst());
    for (int first = 0; first < used; first += batchSize) {
      final int from = first;
      final int count = Math.min(batchSize, used - first);
      final ObjectNode command = Child.command("validate").put("from", from).put("count", count);
      final ArrayNode asked = command.putArray("tasks");
      tasks.forEach(asked::add);
      final JsonNode answer =
          untilItWorks(
              () -> {
                if (source != null && setup.data() != null) {
                  child.writeSamples(
                      setup.data().source(tasks.getFirst()),
                      source.data().heldOut(),
                      IntStream.range(from, from + count).toArray());
                }
                return child.ask(command.deepCopy(), setup.startLimit());
              });
      add(answer, tasks, count, sums, metrics);
    }
  }

  private void add(
      JsonNode answer,
      List<Integer> tasks,
      int count,
      double[] sums,
      SortedMap<String, Double> metrics) {
    try {
      final double[] losses = losses(answer, tasks.size());
      for (int i = 0; i < losses.length; i++) {
        sums[tasks.get(i)] += losses[i] * count;
      }
      for (final var metric : answer.path("metrics").properties()) {
        metrics.merge(
            metric.getKey(), number(metric.getValue(), metric.getKey()) * count, Double::sum);
      }
    } catch (ChildFailure e) {
      throw error(String.valueOf(e.getMessage()), e);
    }
  }

  private static SortedMap<String, Double> means(SortedMap<String, Double> sums, int samples) {
    final SortedMap<String, Double> means = new TreeMap<>();
    sums.forEach((name, sum) -> means.put(name, sum / samples));
    return means;
  }

  private static double[] losses(JsonNode answer, int tasks) throws ChildFailure {
    final JsonNode losses = answer.path("losses");
    if (losses.size() != tasks) {
      throw new ChildFailure(
          "answered with %d losses; it was asked for %d".formatted(losses.size(), tasks));
    }
    final double[] values = new double[tasks];
    for (int task = 0; task < tasks; task++) {
      values[task] = number(losses.get(task), "losses");
    }
    return values;
  }

  private static double number(JsonNode value, String what) throws ChildFailure {
    if (!value.isNumber()) {
      throw new ChildFailure("answered without a number as " + what);
    }
    return value.doubleValue();
  }

  /** As the script says it, in our words: what torch calls {@code cuda:0} is {@code gpu:0}. */
  @Override
  public String device() {
    final String device = child.description().framework().getDevice();
    return device.equals("cuda") ? "gpu:0" : device.replace("cuda:", "gpu:");
  }

  /**
   * The fingerprint of the model's own arithmetic: over the gradients of all tasks on micro-batch
   * 0, at weights that are the same everywhere. The model's weights are what they were before.
   */
  @Override
  public long fingerprint() {
    if (!hasFingerprint) {
      fingerprint = untilItWorks(this::takeFingerprint);
      hasFingerprint = true;
    }
    return fingerprint;
  }

  private long takeFingerprint() throws ChildFailure {
    final byte[] before = weights().toArray(java.lang.foreign.ValueLayout.JAVA_BYTE);
    final var taken = new ModelFingerprint(weights(), tensors());
    for (int task = 0; task < setup.spec().tasks().size(); task++) {
      gradient(task, 0, setup.startLimit());
      taken.add(gradient());
    }
    weights().copyFrom(MemorySegment.ofArray(before));
    return taken.end();
  }

  @Override
  public Provenance provenance() {
    return new Provenance(
        child.description().files(),
        child.description().framework(),
        setup.options().framework() == ProcessOptions.Versions.ANY,
        setup.data() == null ? DataDigests.NONE : setup.data().digests());
  }

  /** Something that a child does, and may fail at. */
  private interface Request<T> {
    T run() throws ChildFailure;
  }

  /** For what somebody else can do instead: one failure is the caller's. */
  private <T> T once(Request<T> request) {
    try {
      restartIfDown();
      final T answer = request.run();
      failures = 0;
      return answer;
    } catch (ChildFailure e) {
      isDown = true;
      child.kill();
      failures++;
      final String what = String.valueOf(e.getMessage());
      if (failures >= MAX_FAILURES) {
        throw error("%s, %d times in a row".formatted(what, failures), e);
      }
      throw new ModelFailure(setup.command().words() + " " + what, e);
    }
  }

  /** For what nobody else does. */
  private <T> T untilItWorks(Request<T> request) {
    while (true) {
      try {
        return once(request);
      } catch (ModelFailure e) {
        LOG.warn("run {}: {}; it is started again", setup.spec().run(), e.getMessage());
      }
    }
  }

  private void restartIfDown() throws ChildFailure {
    if (!isDown) {
      return;
    }
    final Duration limit = setup.startLimit();
    LOG.info("starting {} again, for at most {} s", setup.command().words(), limit.toSeconds());
    final RunningChild next = RunningChild.start(setup, setup.spec().seed());
    if (!next.description().isSame(child.description())) {
      next.kill();
      throw new UserError(
          "%s: started again it describes another model; parameters and files must be the same each time"
              .formatted(setup.command().source()));
    }
    next.weights().copyFrom(child.weights());
    child.close();
    child = next;
    isDown = false;
  }

  private UserError error(String what, Throwable cause) {
    return new UserError(
        "%s: %s %s"
            .formatted(setup.command().source(), String.join(" ", setup.command().words()), what),
        cause);
  }

  @Override
  public void close() {
    child.close();
  }
}
