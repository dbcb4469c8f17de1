package io.gradstream.producer.model.torchscript;

import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValueUtils;
import ai.djl.pytorch.jni.JniUtils;
import io.gradstream.producer.model.torch.TorchEngine;
import io.gradstream.proto.FileFault;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A loaded module: its parameters by name, and its forward. Confined to one thread. */
final class TorchScriptModule implements AutoCloseable {
  private final TorchScriptSetup setup;
  private final PtSymbolBlock block;
  private final Map<String, PtNDArray> parameters = new LinkedHashMap<>();

  /**
   * Loads the file.
   *
   * @param manager on the device to compute on; owns the parameters
   * @throws io.gradstream.proto.UserError if the engine cannot, or no parameter can be trained
   */
  TorchScriptModule(TorchScriptSetup setup, NDManager manager) {
    this.setup = setup;
    this.block = load((PtNDManager) manager);
    for (final NDArray parameter : JniUtils.moduleGetParams(block, (PtNDManager) manager)) {
      if (parameter.getDataType() != DataType.FLOAT32) {
        throw setup.fileError(
            "has parameter %s of type %s; float32 can be trained, so save net.float()"
                .formatted(
                    parameter.getName(),
                    parameter.getDataType().toString().toLowerCase(Locale.ROOT)));
      }
      parameters.put(Objects.requireNonNull(parameter.getName()), (PtNDArray) parameter);
    }
    if (parameters.isEmpty()) {
      throw setup.fileError(
          "has no parameter to train; torch.jit.freeze makes constants of them, so save the module without it");
    }
  }

  private PtSymbolBlock load(PtNDManager manager) {
    @Nullable Path path = null;
    try {
      path = TorchScriptArchive.unpacked(setup.file());
      return JniUtils.loadModule(manager, path, true, new String[0], new String[0], true);
    } catch (EngineException e) {
      final String reason = TorchScriptArchive.reason(e);
      throw setup.fileError(
          reason.contains("nknown builtin op") || reason.contains("perator")
              ? "uses an operator that the PyTorch in here (%s) does not know: %s; save it with operators of that version"
                  .formatted(version(), reason)
              : "cannot be loaded: " + reason);
    } catch (IOException e) {
      throw setup.fileError("cannot be written to a temporary folder: " + FileFault.of(e));
    } finally {
      TorchScriptArchive.delete(path);
    }
  }

  private static String version() {
    return TorchEngine.version();
  }

  /** The parameters by their names, in the module's order. */
  Map<String, PtNDArray> parameters() {
    return parameters;
  }

  /** The mode for gradients that the spec asks for. */
  void setTrainingMode() {
    if (setup.options().mode() == TorchScriptOptions.Mode.TRAINING) {
      JniUtils.enableTrainingMode(block);
    } else {
      JniUtils.enableInferenceMode(block);
    }
  }

  void setEvaluationMode() {
    JniUtils.enableInferenceMode(block);
  }

  /**
   * The module's outputs.
   *
   * @param fields of a batch; those that the spec names are handed over
   * @return by the names that the spec gives, owned by the inputs' manager
   * @throws io.gradstream.proto.UserError if forward fails, or returns something else
   */
  Map<String, NDArray> forward(Map<String, NDArray> fields) {
    final var inputs = new NDList();
    for (final String input : setup.options().inputs()) {
      inputs.add(Objects.requireNonNull(fields.get(input)));
    }
    final NDList outputs;
    try {
      // Else the interpreter compiles what it has seen run twice, and rounds differently from then
      // on.
      JniUtils.setGraphExecutorOptimize(false);
      outputs = IValueUtils.forward(block, inputs, true);
    } catch (EngineException | UnsupportedOperationException | IllegalArgumentException e) {
      final List<String> shapes = new ArrayList<>();
      for (int i = 0; i < inputs.size(); i++) {
        shapes.add(setup.options().inputs().get(i) + " " + inputs.get(i).getShape());
      }
      throw setup.fileError(
          "fails on a batch of %s: %s"
              .formatted(String.join(", ", shapes), TorchScriptArchive.reason(e)));
    }
    return named(outputs);
  }

  private Map<String, NDArray> named(NDList outputs) {
    final List<String> names = setup.options().outputs();
    final Map<String, NDArray> named = new LinkedHashMap<>();
    final boolean isDictionary =
        !outputs.isEmpty() && outputs.stream().allMatch(output -> output.getName() != null);
    if (isDictionary) {
      outputs.forEach(output -> named.put(output.getName(), output));
    } else if (outputs.size() == names.size()) {
      for (int i = 0; i < names.size(); i++) {
        named.put(names.get(i), outputs.get(i));
      }
    }
    if (!named.keySet().containsAll(names)) {
      throw setup
          .spec()
          .model()
          .error(
              "outputs",
              "%s, but forward returns %s"
                  .formatted(
                      names,
                      isDictionary
                          ? "a dictionary with " + named.keySet()
                          : outputs.size() + (outputs.size() == 1 ? " tensor" : " tensors")));
    }
    return named;
  }

  @Override
  public void close() {
    block.close();
  }
}
