package io.gradstream.producer.model.torchscript;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import com.google.protobuf.ByteString;
import io.gradstream.producer.data.ImageSet;
import io.gradstream.producer.loss.OutputLoss;
import io.gradstream.producer.model.FlatVector;
import io.gradstream.producer.model.Provenance;
import io.gradstream.producer.model.SampleFields;
import io.gradstream.producer.model.TaskData;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.producer.model.torch.Parameters;
import io.gradstream.producer.model.torch.Recording;
import io.gradstream.producer.model.torch.TorchArithmetic;
import io.gradstream.producer.model.torch.TorchEngine;
import io.gradstream.proto.manifest.TensorShape;
import io.gradstream.proto.message.RunRecord;
import io.gradstream.proto.spec.Compute;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
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
 * A TorchScript module with a loss on each task's output. On the CPU its parameters and their
 * gradients lie on the flat vectors, and nothing is copied.
 *
 * <p>The initial weights are the file's, whatever the seed.
 */
final class TorchScriptModel implements TaskModel {
  private final TorchScriptSetup setup;
  private final List<TensorShape> tensors;
  private final TaskData data;

  /** Where batches of each source of the data lie in the batch's memory. */
  private final List<SampleFields> fields = new ArrayList<>();

  private final NDManager manager;
  private final TorchScriptModule module;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment batch;
  private final MemorySegment weights;
  private final MemorySegment gradient;
  private final Parameters parameters;

  /**
   * @param tensors the module's parameters in flat order
   */
  TorchScriptModel(TorchScriptSetup setup, List<TensorShape> tensors) {
    this.setup = setup;
    this.tensors = List.copyOf(tensors);
    final Compute compute = setup.spec().compute();
    this.data = setup.data();
    for (final TaskData.Source source : data.sources()) {
      fields.add(new SampleFields(source.data().training(), data.largestBatch(source)));
    }
    this.batch =
        arena.allocate(fields.stream().mapToLong(SampleFields::bytes).max().orElseThrow(), 64);
    this.weights = FlatVector.allocate(arena, tensors);
    this.gradient = FlatVector.allocate(arena, tensors);
    this.manager = TorchEngine.open(compute.device(), compute.intraOpThreads());
    this.module = new TorchScriptModule(setup, manager);
    copyInitialWeights(module);
    final List<PtNDArray> inOrder = new ArrayList<>();
    for (final TensorShape tensor : tensors) {
      inOrder.add(Objects.requireNonNull(module.parameters().get(tensor.name())));
    }
    this.parameters = Parameters.of(manager, inOrder, tensors, weights, gradient);
  }

  private void copyInitialWeights(TorchScriptModule from) {
    final List<MemorySegment> slices = FlatVector.slices(weights, tensors);
    for (int t = 0; t < tensors.size(); t++) {
      final PtNDArray parameter =
          Objects.requireNonNull(from.parameters().get(tensors.get(t).name()));
      slices.get(t).copyFrom(MemorySegment.ofBuffer(parameter.toByteBuffer()));
    }
  }

  @Override
  public List<TensorShape> tensors() {
    return tensors;
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
    try (NDManager own = manager.newSubManager();
        var fresh = new TorchScriptModule(setup, own)) {
      copyInitialWeights(fresh);
    }
  }

  @Override
  public double gradient(int task, long microBatch) {
    begin();
    return addGradient(task, microBatch);
  }

  /** Adds to what {@link #gradient()} holds, as {@link #gradient(int, long)} does after zeroing. */
  double addGradient(int task, long microBatch) {
    try (var recording = Recording.on();
        NDManager pass = manager.newSubManager()) {
      final Map<String, NDArray> given = trainingBatch(pass, task, microBatch);
      final NDArray loss = loss(setup.tasks().get(task), module.forward(given), given);
      Parameters.backward((PtNDArray) loss);
      parameters.writeGradient();
      return loss.getFloat();
    }
  }

  @Override
  public double[] scalarizedGradient(long microBatch) {
    begin();
    try (var recording = Recording.on();
        NDManager pass = manager.newSubManager()) {
      final Map<String, NDArray> given = trainingBatch(pass, 0, microBatch);
      final Map<String, NDArray> outputs = module.forward(given);
      final double[] losses = new double[setup.tasks().size()];
      NDArray sum = pass.create(0f);
      for (int task = 0; task < losses.length; task++) {
        final NDArray loss = loss(setup.tasks().get(task), outputs, given);
        sum = sum.add(loss.mul(pass.create((float) setup.tasks().get(task).weight())));
        losses[task] = loss.getFloat();
      }
      Parameters.backward((PtNDArray) sum);
      parameters.writeGradient();
      return losses;
    }
  }

  private void begin() {
    parameters.readWeights();
    parameters.clearGradient();
    module.setTrainingMode();
  }

  private Map<String, NDArray> trainingBatch(NDManager pass, int task, long microBatch) {
    return batch(pass, data.source(task), data.of(task).training(), data.samples(task, microBatch));
  }

  private Map<String, NDArray> batch(NDManager pass, int source, ImageSet images, int[] samples) {
    final SampleFields fields = this.fields.get(source);
    fields.write(images, samples, batch);
    final Map<String, NDArray> arrays = new HashMap<>();
    for (final String name : fields.names()) {
      final var values =
          fields.slice(batch, name, samples.length).asByteBuffer().order(ByteOrder.nativeOrder());
      final DataType type = name.equals(SampleFields.IMAGE) ? DataType.FLOAT32 : DataType.INT64;
      arrays.put(name, pass.create(values, new Shape(fields.shape(name, samples.length)), type));
    }
    return arrays;
  }

  private NDArray loss(
      TorchScriptTask task, Map<String, NDArray> outputs, Map<String, NDArray> given) {
    final NDArray output = Objects.requireNonNull(outputs.get(task.output()));
    final OutputLoss loss = task.loss();
    if (loss == null || task.target() == null) {
      if (output.size() != 1) {
        throw setup.fileError(
            "returns %s as output %s; with loss given it must be one number, such as the batch's mean"
                .formatted(output.getShape(), task.output()));
      }
      return output.sum();
    }
    final NDArray target = Objects.requireNonNull(given.get(task.target()));
    final String misfit =
        loss.misfit(
            output.getShape().getShape(),
            new OutputLoss.Target(target.getShape().getShape(), task.maxLabel()));
    if (misfit != null) {
      throw setup.fileError(
          "returns %s as output %s of task %s: %s"
              .formatted(output.getShape(), task.output(), task.name(), misfit));
    }
    return loss.of(output, target);
  }

  @Override
  public ByteString batchDigest(int task, long microBatch) {
    return data.batchDigest(task, microBatch);
  }

  @Override
  public Validation validate(int samples) {
    final int used = data.heldOut(samples);
    final double[] sums = new double[setup.tasks().size()];
    final SortedMap<String, Double> metrics = new TreeMap<>();
    parameters.readWeights();
    module.setEvaluationMode();
    try (var recording = Recording.off()) {
      for (final TaskData.Source source : data.sources()) {
        final int batchSize = data.batchSize(source.tasks().getFirst());
        for (int first = 0; first < used; first += batchSize) {
          final int end = Math.min(used, first + batchSize);
          add(source, IntStream.range(first, end).toArray(), sums, metrics);
        }
      }
    }
    metrics.replaceAll((name, sum) -> sum / used);
    return new Validation(used, Arrays.stream(sums).map(sum -> sum / used).toArray(), metrics);
  }

  private void add(
      TaskData.Source source, int[] samples, double[] sums, SortedMap<String, Double> metrics) {
    try (NDManager pass = manager.newSubManager()) {
      final Map<String, NDArray> given =
          batch(pass, data.source(source.tasks().getFirst()), source.data().heldOut(), samples);
      final Map<String, NDArray> outputs = module.forward(given);
      for (final int task : source.tasks()) {
        final TorchScriptTask of = setup.tasks().get(task);
        sums[task] += (double) loss(of, outputs, given).getFloat() * samples.length;
        final OutputLoss loss = of.loss();
        if (loss != null && of.target() != null) {
          loss.accuracy(
                  Objects.requireNonNull(outputs.get(of.output())),
                  Objects.requireNonNull(given.get(of.target())))
              .ifPresent(
                  share ->
                      metrics.merge(of.name() + " accuracy", share * samples.length, Double::sum));
        }
      }
    }
  }

  /** The losses in evaluation mode on a micro-batch, without gradients: for the probe. */
  List<float[]> evaluated(long microBatch) {
    parameters.readWeights();
    module.setEvaluationMode();
    try (var recording = Recording.off();
        NDManager pass = manager.newSubManager()) {
      return module.forward(trainingBatch(pass, 0, microBatch)).values().stream()
          .map(output -> output.toType(DataType.FLOAT32, true).toFloatArray())
          .toList();
    }
  }

  @Override
  public String device() {
    return TorchEngine.nameOf(manager.getDevice());
  }

  @Override
  public long fingerprint() {
    return TorchArithmetic.fingerprint(manager).value();
  }

  @Override
  public Provenance provenance() {
    return new Provenance(
        List.of(setup.file().entry()),
        RunRecord.Framework.getDefaultInstance(),
        false,
        data.digests());
  }

  /** Frees the tensors first: they lie on the vectors. */
  @Override
  public void close() {
    module.close();
    manager.close();
    arena.close();
  }
}
