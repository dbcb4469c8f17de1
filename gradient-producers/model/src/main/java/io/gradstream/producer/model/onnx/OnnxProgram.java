package io.gradstream.producer.model.onnx;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * One program of a file, loaded. Outputs that were pinned are written where they belong; the others
 * are numbers that {@link #run} returns. Confined to one thread.
 */
final class OnnxProgram implements AutoCloseable {
  private final OrtSession session;
  private final Set<String> inputs;
  private final Map<String, OnnxTensor> pinned;
  private final Set<String> numbers;

  /**
   * @param pinned by the outputs' names
   */
  OnnxProgram(
      OrtEnvironment environment,
      byte[] model,
      OrtSession.SessionOptions options,
      Map<String, OnnxTensor> pinned)
      throws OrtException {
    this.session = environment.createSession(model, options);
    this.inputs = session.getInputInfo().keySet();
    this.pinned = pinned;
    this.numbers = new HashSet<>(session.getOutputInfo().keySet());
    this.numbers.removeAll(pinned.keySet());
  }

  /**
   * Computes.
   *
   * @param given more than what it needs may be among them
   * @return what is not pinned, as float32
   */
  Map<String, float[]> run(Map<String, OnnxTensor> given) throws OrtException {
    final Map<String, OnnxTensor> needed = new HashMap<>(given);
    needed.keySet().retainAll(inputs);
    final Map<String, OnnxValue> places = new HashMap<>(pinned);
    try (OrtSession.Result result = session.run(needed, numbers, places)) {
      final Map<String, float[]> answers = new LinkedHashMap<>();
      for (final String name : numbers) {
        final var tensor = (OnnxTensor) result.get(name).orElseThrow();
        final var values = tensor.getFloatBuffer();
        final float[] copy = new float[values.remaining()];
        values.get(copy);
        answers.put(name, copy);
      }
      return answers;
    }
  }

  @Override
  public void close() throws OrtException {
    session.close();
  }
}
