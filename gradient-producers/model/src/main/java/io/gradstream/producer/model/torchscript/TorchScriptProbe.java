package io.gradstream.producer.model.torchscript;

import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.engine.PtNDArray;
import io.gradstream.producer.model.FlatVector;
import io.gradstream.producer.model.torch.TorchEngine;
import io.gradstream.proto.manifest.TensorShape;
import io.gradstream.proto.spec.Compute;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds out by computing micro-batch 0 which loss reaches which parameter, and refuses a module
 * whose gradients would not follow from weights and batch alone.
 */
final class TorchScriptProbe {
  private static final Logger LOG = LoggerFactory.getLogger(TorchScriptProbe.class);

  /** The bits of -0.0: added to, they become others, also where a gradient is zero. */
  private static final int UNTOUCHED = 0x8000_0000;

  private final TorchScriptSetup setup;
  private final TorchScriptModel model;

  private TorchScriptProbe(TorchScriptSetup setup, TorchScriptModel model) {
    this.setup = setup;
    this.model = model;
  }

  /**
   * The module's parameters in flat order: shared ones, then each task's own, each part in the
   * module's order.
   *
   * @throws io.gradstream.proto.UserError if the module cannot be trained
   */
  static List<TensorShape> tensors(TorchScriptSetup setup) {
    try (var model = new TorchScriptModel(setup, asInFile(setup))) {
      final var probe = new TorchScriptProbe(setup, model);
      probe.requireRepeatable();
      probe.requireNoState();
      return probe.owned();
    }
  }

  private static List<TensorShape> asInFile(TorchScriptSetup setup) {
    final Compute compute = setup.spec().compute();
    final List<TensorShape> tensors = new ArrayList<>();
    try (NDManager manager = TorchEngine.open(compute.device(), compute.intraOpThreads());
        var module = new TorchScriptModule(setup, manager)) {
      for (final Map.Entry<String, PtNDArray> parameter : module.parameters().entrySet()) {
        tensors.add(
            new TensorShape(
                parameter.getKey(),
                parameter.getValue().getShape().getShape(),
                TensorShape.SHARED));
      }
    }
    return tensors;
  }

  private void requireRepeatable() {
    for (int task = 0; task < setup.tasks().size(); task++) {
      final double loss = model.gradient(task, 0);
      final byte[] gradient = model.gradient().toArray(ValueLayout.JAVA_BYTE);
      final double again = model.gradient(task, 0);
      if (Double.compare(loss, again) != 0
          || !Arrays.equals(gradient, model.gradient().toArray(ValueLayout.JAVA_BYTE))) {
        throw setup.fileError(
            "computes task %s on the same batch twice with two results: it draws random numbers (dropout?), and a run must be repeatable; take them out, or give mode: evaluation, where dropout is off"
                .formatted(setup.tasks().get(task).name()));
      }
    }
  }

  /** Statistics that learn from batches would differ from worker to worker. */
  private void requireNoState() {
    final List<float[]> before = model.evaluated(0);
    model.gradient(0, 1);
    final List<float[]> after = model.evaluated(0);
    for (int output = 0; output < before.size(); output++) {
      if (!Arrays.equals(before.get(output), after.get(output))) {
        throw setup.fileError(
            "learns from batches in its buffers (the running statistics of batch normalisation?), which cannot be read out of a TorchScript module; give the model as a script (model.type process) or as an ONNX file, use GroupNorm or LayerNorm, BatchNorm with track_running_stats=False, or mode: evaluation");
      }
    }
  }

  private List<TensorShape> owned() {
    final List<TensorShape> tensors = model.tensors();
    final boolean[][] reaches = new boolean[setup.tasks().size()][];
    for (int task = 0; task < reaches.length; task++) {
      reaches[task] = reached(task);
    }
    final List<TensorShape> owned = new ArrayList<>();
    final List<String> unreached = new ArrayList<>();
    for (int t = 0; t < tensors.size(); t++) {
      final TensorShape tensor = tensors.get(t);
      int tasks = 0;
      int last = TensorShape.SHARED;
      for (int task = 0; task < reaches.length; task++) {
        if (reaches[task][t]) {
          tasks++;
          last = task;
        }
      }
      if (tasks == 0) {
        unreached.add(tensor.name());
      }
      final int owner = owner(tensor.name(), tasks == 1 ? last : TensorShape.SHARED);
      requireReach(tensor.name(), owner, reaches, t);
      owned.add(new TensorShape(tensor.name(), tensor.shape(), owner));
    }
    if (!unreached.isEmpty()) {
      LOG.warn(
          "run {}: no loss reaches {}: gradients there are always zero",
          setup.spec().run(),
          String.join(", ", unreached));
    }
    owned.sort(Comparator.comparingInt(TensorShape::owner));
    return owned;
  }

  private boolean[] reached(int task) {
    final var bits = ValueLayout.JAVA_INT;
    model.gradient(task, 0);
    final MemorySegment gradient = model.gradient();
    for (long i = 0; i < gradient.byteSize() / Integer.BYTES; i++) {
      gradient.setAtIndex(bits, i, UNTOUCHED);
    }
    model.addGradient(task, 0);
    final List<MemorySegment> slices = FlatVector.slices(gradient, model.tensors());
    final boolean[] reached = new boolean[slices.size()];
    for (int t = 0; t < reached.length; t++) {
      final MemorySegment slice = slices.get(t);
      for (long i = 0; i < slice.byteSize() / Integer.BYTES && !reached[t]; i++) {
        reached[t] = slice.getAtIndex(bits, i) != UNTOUCHED;
      }
    }
    return reached;
  }

  private int owner(String parameter, int found) {
    for (final TorchScriptOptions.Owner owner : setup.options().owners()) {
      if (owner.isOf(parameter)) {
        return owner.task().equals("shared") ? TensorShape.SHARED : task(owner.task());
      }
    }
    return found;
  }

  private int task(String name) {
    for (int task = 0; task < setup.tasks().size(); task++) {
      if (setup.tasks().get(task).name().equals(name)) {
        return task;
      }
    }
    throw setup
        .spec()
        .model()
        .error(
            "owners", "the run has no task %s; give one of its tasks, or shared".formatted(name));
  }

  private void requireReach(String parameter, int owner, boolean[][] reaches, int tensor) {
    for (int task = 0; task < reaches.length; task++) {
      if (owner != TensorShape.SHARED && task != owner && reaches[task][tensor]) {
        throw setup
            .spec()
            .model()
            .error(
                "owners",
                "%s cannot be task %s's own: the loss of task %s reaches it, too"
                    .formatted(
                        parameter,
                        setup.tasks().get(owner).name(),
                        setup.tasks().get(task).name()));
      }
    }
  }
}
