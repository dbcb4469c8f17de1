package io.gradstream.producer.model.process;

import io.gradstream.producer.model.ModelCommand;
import io.gradstream.producer.model.TaskData;
import io.gradstream.proto.spec.Compute;
import io.gradstream.proto.spec.RunSpec;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What all children of a process have in common.
 *
 * @param command what is started
 * @param data what batches are made of; null where the script makes its own
 */
record ProcessSetup(
    RunSpec spec, ProcessOptions options, ModelCommand command, @Nullable TaskData data) {
  /** How long a gradient may take. */
  Duration gradientLimit() {
    return Duration.ofMillis(spec.orders().timeoutMs());
  }

  /** How long a start, and a batch of a validation, may take. */
  Duration startLimit() {
    return Duration.ofSeconds(options.startTimeoutS());
  }

  /**
   * What the script is told before it begins: that it is a worker's child, the seed of its initial
   * weights, the device, and how many threads an operation may use, since the bits of sums depend
   * on it.
   *
   * @param seed of the initial weights
   */
  Map<String, String> environment(long seed) {
    final Compute compute = spec.compute();
    final String threads = Integer.toString(compute.intraOpThreads());
    final var variables = new HashMap<String, String>();
    variables.put("GRADSTREAM_CHILD", "1");
    variables.put("GRADSTREAM_SEED", Long.toString(seed));
    variables.put("GRADSTREAM_DEVICE", compute.device().replace("gpu:", "cuda:"));
    variables.put("OMP_NUM_THREADS", threads);
    variables.put("MKL_NUM_THREADS", threads);
    variables.put("OPENBLAS_NUM_THREADS", threads);
    variables.put("PYTHONHASHSEED", "0");
    return variables;
  }
}
