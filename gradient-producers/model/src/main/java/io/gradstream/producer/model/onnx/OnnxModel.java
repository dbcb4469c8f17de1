package io.gradstream.producer.model.onnx;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import com.google.protobuf.ByteString;
import io.gradstream.producer.data.ImageSet;
import io.gradstream.producer.model.FlatVector;
import io.gradstream.producer.model.MetricsOfTasks;
import io.gradstream.producer.model.ModelFingerprint;
import io.gradstream.producer.model.Provenance;
import io.gradstream.producer.model.SampleFields;
import io.gradstream.producer.model.TaskData;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.proto.UserError;
import io.gradstream.proto.manifest.TensorShape;
import io.gradstream.proto.message.RunRecord;
import io.gradstream.proto.spec.TaskSpec;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * A module whose losses and gradients ONNX Runtime computes: from the flat weights, which are the
 * graphs' inputs where they lie, into the flat gradient, which their outputs are written to.
 *
 * <p>The initial weights are the file's, whatever the seed.
 */
final class OnnxModel implements TaskModel {
  private static final int ALIGNMENT = 64;

  private final OnnxSetup setup;

  /** Where batches of each source of the data lie in the batch's memory. */
  private final List<SampleFields> fields = new ArrayList<>();

  private final OrtEnvironment environment;
  private final OrtSession.SessionOptions options;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment batch;
  private final MemorySegment weights;
  private final MemorySegment gradient;

  /** Parameters, buffers and task weights as inputs; they lie on our own memory. */
  private final Map<String, OnnxTensor> inputs = new HashMap<>();

  private final Map<String, OnnxProgram> programs = new HashMap<>();
  private final Map<String, OnnxTensor> gradients = new HashMap<>();
  private long fingerprint;
  private boolean hasFingerprint;

  /**
   * @throws UserError if the runtime or the device is not there, or refuses the file
   */
  OnnxModel(OnnxSetup setup) {
    this.setup = setup;
    final TaskData data = setup.data();
    for (final TaskData.Source source : data.sources()) {
      fields.add(new SampleFields(source.data().training(), data.largestBatch(source)));
    }
    this.environment = OnnxRuntime.environment();
    this.options = OnnxRuntime.options(setup.spec().compute());
    this.batch =
        arena.allocate(
            fields.stream().mapToLong(SampleFields::bytes).max().orElseThrow(), ALIGNMENT);
    this.weights = FlatVector.allocate(arena, setup.tensors());
    this.gradient = FlatVector.allocate(arena, setup.tensors());
    final List<MemorySegment> values = FlatVector.slices(weights, setup.tensors());
    final List<MemorySegment> slopes = FlatVector.slices(gradient, setup.tensors());
    try {
      for (int t = 0; t < setup.tensors().size(); t++) {
        final TensorShape tensor = setup.tensors().get(t);
        inputs.put(
            OnnxFile.input(tensor),
            OnnxTensor.createTensor(environment, floats(values.get(t)), tensor.shape()));
        gradients.put(
            tensor.name(),
            OnnxTensor.createTensor(environment, floats(slopes.get(t)), tensor.shape()));
      }
      inputs.put(OnnxFile.WEIGHTS, taskWeights());
    } catch (OrtException e) {
      throw refused(e);
    }
    initialize(setup.spec().seed());
  }

  /** In the file's order; a loss that is no task of the run has weight 0. */
  private OnnxTensor taskWeights() throws OrtException {
    final List<String> losses = setup.file().description().tasks();
    final MemorySegment memory = arena.allocate((long) losses.size() * Float.BYTES, ALIGNMENT);
    for (final TaskSpec task : setup.spec().tasks()) {
      memory.setAtIndex(
          ValueLayout.JAVA_FLOAT, losses.indexOf(task.outputName()), (float) task.weight());
    }
    return OnnxTensor.createTensor(environment, floats(memory), new long[] {losses.size()});
  }

  private static FloatBuffer floats(MemorySegment segment) {
    return bytes(segment).asFloatBuffer();
  }

  private static ByteBuffer bytes(MemorySegment segment) {
    return segment.asByteBuffer().order(ByteOrder.nativeOrder());
  }

  /**
   * Requires that one slot of each task computed twice gives one result.
   *
   * @throws UserError if not
   */
  static void requireRepeatable(OnnxSetup setup) {
    try (var model = new OnnxModel(setup)) {
      for (int task = 0; task < setup.spec().tasks().size(); task++) {
        final double loss = model.gradient(task, 0);
        final byte[] once = model.gradient().toArray(ValueLayout.JAVA_BYTE);
        final double again = model.gradient(task, 0);
        if (Double.compare(loss, again) != 0
            || !Arrays.equals(once, model.gradient().toArray(ValueLayout.JAVA_BYTE))) {
          throw setup
              .file()
              .error(
                  "computes task %s on the same batch twice with two results, and a run must be repeatable; take out what draws random numbers"
                      .formatted(setup.spec().tasks().get(task).name()));
        }
      }
    }
  }

  @Override
  public List<TensorShape> tensors() {
    return setup.tensors();
  }

  @Override
  public MemorySegment weights() {
    return weights;
  }

  @Override
  public MemorySegment gradient() {
    return gradient;
  }

  /** The weights in the file. */
  @Override
  public void initialize(long seed) {
    final List<MemorySegment> slices = FlatVector.slices(weights, setup.tensors());
    for (int t = 0; t < slices.size(); t++) {
      setup.file().writeInitial(setup.tensors().get(t), slices.get(t));
    }
  }

  @Override
  public double gradient(int task, long microBatch) {
    final String program = setup.spec().tasks().get(task).outputName();
    final Map<String, float[]> numbers = runOnTraining(program, task, microBatch);
    return number(numbers, program + "/loss", 0);
  }

  @Override
  public double[] scalarizedGradient(long microBatch) {
    return losses(runOnTraining(OnnxFile.SUM, 0, microBatch), OnnxFile.SUM + "/losses");
  }

  private double[] losses(Map<String, float[]> numbers, String output) {
    final List<String> inFile = setup.file().description().tasks();
    return setup.spec().tasks().stream()
        .mapToDouble(task -> number(numbers, output, inFile.indexOf(task.outputName())))
        .toArray();
  }

  private double number(Map<String, float[]> numbers, String output, int index) {
    final float[] values = Objects.requireNonNullElse(numbers.get(output), new float[0]);
    if (index >= values.length) {
      throw setup.file().error("gives no number as " + output);
    }
    return values[index];
  }

  private Map<String, float[]> runOnTraining(String program, int task, long microBatch) {
    final TaskData data = setup.data();
    return run(
        program, data.source(task), data.of(task).training(), data.samples(task, microBatch));
  }

  private Map<String, float[]> run(String program, int source, ImageSet images, int[] samples) {
    gradient.fill((byte) 0);
    fields.get(source).write(images, samples, batch);
    final Map<String, OnnxTensor> given = new HashMap<>(inputs);
    final Map<String, OnnxTensor> own = new HashMap<>();
    try {
      for (final String name : setup.file().fields().keySet()) {
        own.put(OnnxFile.FIELD + name, field(fields.get(source), name, samples.length));
      }
      given.putAll(own);
      return program(program).run(given);
    } catch (OrtException e) {
      throw refused(e);
    } finally {
      own.values().forEach(OnnxTensor::close);
    }
  }

  private OnnxTensor field(SampleFields fields, String name, int samples) throws OrtException {
    final ByteBuffer values = bytes(fields.slice(batch, name, samples));
    final long[] shape = fields.shape(name, samples);
    return name.equals(SampleFields.IMAGE)
        ? OnnxTensor.createTensor(environment, values.asFloatBuffer(), shape)
        : OnnxTensor.createTensor(environment, values.asLongBuffer(), shape);
  }

  /** Loaded when it is first needed: most workers never compute the sum or validate. */
  private OnnxProgram program(String name) throws OrtException {
    OnnxProgram program = programs.get(name);
    if (program == null) {
      final Map<String, OnnxTensor> pinned = new HashMap<>();
      setup
          .file()
          .gradients(name)
          .forEach(
              (output, parameter) ->
                  pinned.put(output, Objects.requireNonNull(gradients.get(parameter))));
      program = new OnnxProgram(environment, setup.file().program(name), options, pinned);
      programs.put(name, program);
    }
    return program;
  }

  private UserError refused(OrtException e) {
    return setup
        .file()
        .error(
            "cannot be run by ONNX Runtime %s: %s"
                .formatted(
                    environment.getVersion(),
                    String.valueOf(e.getMessage()).lines().findFirst().orElse("")));
  }

  @Override
  public ByteString batchDigest(int task, long microBatch) {
    return setup.data().batchDigest(task, microBatch);
  }

  @Override
  public Validation validate(int samples) {
    final int used = setup.data().heldOut(samples);
    final double[] sums = new double[setup.spec().tasks().size()];
    final SortedMap<String, Double> metrics = new TreeMap<>();
    for (final TaskData.Source source : setup.data().sources()) {
      final int batchSize = setup.data().batchSize(source.tasks().getFirst());
      for (int first = 0; first < used; first += batchSize) {
        final int end = Math.min(used, first + batchSize);
        final Map<String, float[]> numbers =
            run(
                OnnxFile.VALIDATION,
                setup.data().source(source.tasks().getFirst()),
                source.data().heldOut(),
                IntStream.range(first, end).toArray());
        final double[] losses = losses(numbers, OnnxFile.VALIDATION + "/losses");
        for (final int task : source.tasks()) {
          sums[task] += losses[task] * (end - first);
        }
        for (final String metric : setup.file().description().metrics()) {
          if (source.tasks().contains(MetricsOfTasks.task(setup.spec(), metric))) {
            final double value = number(numbers, OnnxFile.VALIDATION + "/metric/" + metric, 0);
            metrics.merge(metric, value * (end - first), Double::sum);
          }
        }
      }
    }
    metrics.replaceAll((name, sum) -> sum / used);
    return new Validation(used, Arrays.stream(sums).map(sum -> sum / used).toArray(), metrics);
  }

  /** Of the gradients of this very model; the weights are what they were before. */
  @Override
  public long fingerprint() {
    if (!hasFingerprint) {
      final byte[] before = weights.toArray(ValueLayout.JAVA_BYTE);
      final var taken = new ModelFingerprint(weights, tensors());
      for (int task = 0; task < setup.spec().tasks().size(); task++) {
        gradient(task, 0);
        taken.add(gradient);
      }
      weights.copyFrom(MemorySegment.ofArray(before));
      fingerprint = taken.end();
      hasFingerprint = true;
    }
    return fingerprint;
  }

  @Override
  public String device() {
    return setup.spec().compute().device();
  }

  /** The runtime's version decides bits, too. */
  @Override
  public Provenance provenance() {
    return new Provenance(
        List.of(setup.entry()),
        RunRecord.Framework.newBuilder()
            .setName("onnxruntime")
            .setVersion(environment.getVersion())
            .setDevice(setup.spec().compute().device())
            .build(),
        false,
        setup.data().digests());
  }

  @Override
  public void close() {
    try {
      for (final OnnxProgram program : programs.values()) {
        program.close();
      }
    } catch (OrtException e) {
      throw new IllegalStateException("ONNX Runtime does not close a session", e);
    } finally {
      inputs.values().forEach(OnnxTensor::close);
      gradients.values().forEach(OnnxTensor::close);
      options.close();
      arena.close();
    }
  }
}
