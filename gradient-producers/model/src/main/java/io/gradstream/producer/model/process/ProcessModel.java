package io.gradstream.producer.model.process;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.protobuf.ByteString;
import io.gradstream.producer.data.ImageData;
import io.gradstream.producer.data.MicroBatches;
import io.gradstream.producer.model.ModelFailure;
import io.gradstream.producer.model.ModelFingerprint;
import io.gradstream.producer.model.Provenance;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.proto.UserError;
import io.gradstream.proto.manifest.TensorShape;
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
  private final @Nullable MicroBatches batches;
  private RunningChild child;
  private boolean isDown;
  private int failures;
  private long fingerprint;
  private boolean hasFingerprint;

  ProcessModel(ProcessSetup setup) {
    this.setup = setup;
    final ImageData data = setup.data();
    this.batches =
        data == null
            ? null
            : new MicroBatches(
                setup.spec().seed(),
                data.training().size(),
                setup.spec().accumulation().batchSize());
    this.child = started(setup.spec().seed());
    warnOfUnreached();
  }

  private RunningChild started(long seed) {
    try {
      return RunningChild.start(setup, seed, batches);
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
    final ObjectNode command = Child.command("gradient").put("task", task).put("batch", microBatch);
    return once(
        () -> {
          writeBatch(microBatch);
          return number(child.ask(command, setup.gradientLimit()).path("loss"), "loss");
        });
  }

  @Override
  public double[] scalarizedGradient(long microBatch) {
    final ObjectNode command = Child.command("summed").put("batch", microBatch);
    return once(
        () -> {
          writeBatch(microBatch);
          return losses(child.ask(command, setup.gradientLimit()));
        });
  }

  private void writeBatch(long microBatch) {
    final ImageData data = setup.data();
    if (data != null && batches != null) {
      child.writeSamples(data.training(), batches.samples(microBatch));
    }
  }

  @Override
  public Validation validate(int samples) {
    final ImageData data = setup.data();
    final int used =
        Math.min(samples, data == null ? child.description().heldOut() : data.heldOut().size());
    final int batchSize = setup.spec().accumulation().batchSize();
    final double[] sums = new double[setup.spec().tasks().size()];
    final SortedMap<String, Double> metrics = new TreeMap<>();
    for (int first = 0; first < used; first += batchSize) {
      final int from = first;
      final int count = Math.min(batchSize, used - first);
      final JsonNode answer =
          untilItWorks(
              () -> {
                if (data != null) {
                  child.writeSamples(data.heldOut(), IntStream.range(from, from + count).toArray());
                }
                return child.ask(
                    Child.command("validate").put("from", from).put("count", count),
                    setup.startLimit());
              });
      add(answer, count, sums, metrics);
    }
    return new Validation(
        used, Arrays.stream(sums).map(sum -> sum / used).toArray(), means(metrics, used));
  }

  private void add(JsonNode answer, int count, double[] sums, SortedMap<String, Double> metrics) {
    try {
      final double[] losses = losses(answer);
      for (int task = 0; task < sums.length; task++) {
        sums[task] += losses[task] * count;
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

  private double[] losses(JsonNode answer) throws ChildFailure {
    final JsonNode losses = answer.path("losses");
    final int tasks = setup.spec().tasks().size();
    if (losses.size() != tasks) {
      throw new ChildFailure(
          "answered with %d losses; the run has %d tasks".formatted(losses.size(), tasks));
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
    final var taken = new ModelFingerprint(weights());
    for (int task = 0; task < setup.spec().tasks().size(); task++) {
      writeBatch(0);
      child.ask(Child.command("gradient").put("task", task).put("batch", 0), setup.startLimit());
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
        ByteString.copyFrom(setup.dataDigest()));
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
    final RunningChild next = RunningChild.start(setup, setup.spec().seed(), batches);
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
