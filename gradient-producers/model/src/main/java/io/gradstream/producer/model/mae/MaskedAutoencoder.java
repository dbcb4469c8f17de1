package io.gradstream.producer.model.mae;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDArray;
import com.google.protobuf.ByteString;
import io.gradstream.producer.data.CounterRandom;
import io.gradstream.producer.data.RandomPurpose;
import io.gradstream.producer.loss.Reconstruction;
import io.gradstream.producer.loss.ReconstructionLoss;
import io.gradstream.producer.model.FlatVector;
import io.gradstream.producer.model.Provenance;
import io.gradstream.producer.model.TaskData;
import io.gradstream.producer.model.TaskModel;
import io.gradstream.producer.model.torch.Layout;
import io.gradstream.producer.model.torch.Parameters;
import io.gradstream.producer.model.torch.Recording;
import io.gradstream.producer.model.torch.TorchArithmetic;
import io.gradstream.producer.model.torch.TorchEngine;
import io.gradstream.proto.manifest.TensorShape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.SortedMap;

/**
 * A masked auto-encoder whose tasks are different losses of one reconstruction.
 *
 * <p>All parameters are shared. A micro-batch's images follow from (seed, index), its masks from
 * (seed, index, place in the batch): every task of a round that asks for it sees the same masked
 * images. There is no dropout and nothing that learns from a batch but the parameters, so training
 * and evaluation mode are the same network.
 */
final class MaskedAutoencoder implements TaskModel {
  /**
   * @param weight of the loss in the sum of all tasks' losses
   */
  record Task(ReconstructionLoss loss, double weight) {}

  private final MaeOptions options;
  private final TaskData data;
  private final List<Task> tasks;
  private final long seed;
  private final List<Geometry> geometries;
  private final Layout layout = new Layout();
  private final MaeNetwork network;
  private final NDManager manager;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment weights;
  private final MemorySegment gradient;
  private final Parameters parameters;

  /**
   * @param geometries of each source of the data
   * @param seed of samples and masks
   * @param manager on the device to compute on; closed with the model
   */
  MaskedAutoencoder(
      MaeOptions options,
      List<Geometry> geometries,
      TaskData data,
      List<Task> tasks,
      long seed,
      NDManager manager) {
    this.options = options;
    this.geometries = List.copyOf(geometries);
    this.data = data;
    this.tasks = List.copyOf(tasks);
    this.seed = seed;
    this.manager = manager;
    network = new MaeNetwork(options, geometries.getFirst(), layout);
    weights = FlatVector.allocate(arena, layout.tensors());
    gradient = FlatVector.allocate(arena, layout.tensors());
    parameters = Parameters.over(manager, layout.tensors(), weights, gradient);
  }

  @Override
  public List<TensorShape> tensors() {
    return layout.tensors();
  }

  @Override
  public MemorySegment weights() {
    return weights;
  }

  @Override
  public MemorySegment gradient() {
    return gradient;
  }

  @Override
  public void initialize(long seed) {
    layout.initialize(seed, weights);
  }

  @Override
  public double gradient(int task, long microBatch) {
    parameters.readWeights();
    parameters.clearGradient();
    try (var recording = Recording.on();
        NDManager pass = manager.newSubManager()) {
      Reconstruction reconstruction =
          trainingBatch(task, microBatch).reconstruct(network, parameters, pass);
      NDArray loss = tasks.get(task).loss().of(reconstruction);
      Parameters.backward((PtNDArray) loss);
      parameters.writeGradient();
      return loss.getFloat();
    }
  }

  @Override
  public double[] scalarizedGradient(long microBatch) {
    parameters.readWeights();
    parameters.clearGradient();
    try (var recording = Recording.on();
        NDManager pass = manager.newSubManager()) {
      Reconstruction reconstruction =
          trainingBatch(0, microBatch).reconstruct(network, parameters, pass);
      var losses = new double[tasks.size()];
      NDArray sum = pass.create(0f);
      for (int task = 0; task < losses.length; task++) {
        NDArray loss = tasks.get(task).loss().of(reconstruction);
        sum = sum.add(loss.mul(pass.create((float) tasks.get(task).weight())));
        losses[task] = loss.getFloat();
      }
      Parameters.backward((PtNDArray) sum);
      parameters.writeGradient();
      return losses;
    }
  }

  private MaskedBatch trainingBatch(int task, long microBatch) {
    int[] samples = data.samples(task, microBatch);
    Geometry geometry = geometries.get(data.source(task));
    var batch = new MaskedBatch(geometry, samples.length);
    for (int k = 0; k < samples.length; k++) {
      var random = CounterRandom.of(seed, RandomPurpose.MASK, microBatch, k);
      batch.add(data.of(task).training(), samples[k], geometry.masks().order(random));
    }
    return batch;
  }

  @Override
  public ByteString batchDigest(int task, long microBatch) {
    return data.batchDigest(task, microBatch);
  }

  @Override
  public Validation validate(int samples) {
    int used = data.heldOut(samples);
    var sums = new double[tasks.size()];
    parameters.readWeights();
    try (var recording = Recording.off()) {
      for (TaskData.Source source : data.sources()) {
        int batchSize = data.batchSize(source.tasks().getFirst());
        for (int first = 0; first < used; first += batchSize) {
          addLosses(source, first, Math.min(batchSize, used - first), sums);
        }
      }
    }
    for (int task = 0; task < sums.length; task++) {
      sums[task] /= used;
    }
    return new Validation(used, sums);
  }

  private void addLosses(TaskData.Source source, int first, int size, double[] sums) {
    try (NDManager pass = manager.newSubManager()) {
      Reconstruction reconstruction =
          heldOutBatch(source, first, size).reconstruct(network, parameters, pass);
      for (int task : source.tasks()) {
        sums[task] += (double) tasks.get(task).loss().of(reconstruction).getFloat() * size;
      }
    }
  }

  private MaskedBatch heldOutBatch(TaskData.Source source, int first, int size) {
    Geometry geometry = geometries.get(data.source(source.tasks().getFirst()));
    var batch = new MaskedBatch(geometry, size);
    for (int k = first; k < first + size; k++) {
      var random = CounterRandom.of(seed, RandomPurpose.VALIDATION_MASK, k);
      batch.add(source.data().heldOut(), k, geometry.masks().order(random));
    }
    return batch;
  }

  @Override
  public long fingerprint() {
    return TorchArithmetic.fingerprint(manager).value();
  }

  @Override
  public String device() {
    return TorchEngine.nameOf(manager.getDevice());
  }

  @Override
  public Provenance provenance() {
    return Provenance.ofData(data.digests());
  }

  /** With the brightness of the first task's data. */
  @Override
  public SortedMap<String, String> blueprint() {
    return geometries.getFirst().blueprint(options);
  }

  /** Frees the tensors first: they lie on the vectors. */
  @Override
  public void close() {
    manager.close();
    arena.close();
  }
}
