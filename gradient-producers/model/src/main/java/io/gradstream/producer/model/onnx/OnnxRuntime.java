package io.gradstream.producer.model.onnx;

import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import io.gradstream.proto.UserError;
import io.gradstream.proto.spec.Compute;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** ONNX Runtime as gradients need it: the same bits from the same inputs, and quiet. */
final class OnnxRuntime {
  private static final Pattern GPU = Pattern.compile("(?:gpu|cuda):?(\\d{1,3})?");

  private OnnxRuntime() {}

  /**
   * The runtime of this process.
   *
   * @throws UserError if it is not on the class path, or its library cannot be loaded
   */
  static OrtEnvironment environment() {
    try {
      final OrtEnvironment environment =
          OrtEnvironment.getEnvironment(OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR, "gradstream");
      environment.setTelemetry(false);
      return environment;
    } catch (LinkageError | OrtException | IllegalStateException e) {
      throw new UserError(
          "ONNX Runtime cannot be loaded (%s); its jar, onnxruntime, must be on the class path and have a library for this machine"
              .formatted(e.getMessage()),
          e);
    }
  }

  /**
   * How programs are run.
   *
   * @throws UserError if the device is not there
   */
  static OrtSession.SessionOptions options(Compute compute) {
    final var options = new OrtSession.SessionOptions();
    try {
      options.setIntraOpNumThreads(compute.intraOpThreads());
      options.setInterOpNumThreads(1);
      options.setExecutionMode(OrtSession.SessionOptions.ExecutionMode.SEQUENTIAL);
      options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.ALL_OPT);
      options.setDeterministicCompute(true);
      // Threads that wait for work must not take a core from other workers.
      options.addConfigEntry("session.intra_op.allow_spinning", "0");
      addDevice(options, compute.device());
      return options;
    } catch (OrtException e) {
      options.close();
      throw new UserError("ONNX Runtime: " + e.getMessage(), e);
    } catch (UserError e) {
      options.close();
      throw e;
    }
  }

  private static void addDevice(OrtSession.SessionOptions options, String device) {
    if (device.equals("cpu")) {
      return;
    }
    final Matcher gpu = GPU.matcher(device);
    if (!gpu.matches()) {
      throw new UserError("device %s: cpu, gpu:0, gpu:1, ... are possible".formatted(device));
    }
    try {
      options.addCUDA(gpu.group(1) == null ? 0 : Integer.parseInt(gpu.group(1)));
    } catch (OrtException e) {
      throw new UserError(
          "device %s (compute.device, or --device): this ONNX Runtime cannot use it (%s); a GPU needs the jar onnxruntime_gpu in place of onnxruntime, and CUDA; cpu always works"
              .formatted(device, String.valueOf(e.getMessage()).lines().findFirst().orElse("")),
          e);
    }
  }
}
