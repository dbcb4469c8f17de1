package io.gradstream.proto.spec;

import java.util.List;

/**
 * What a run's weights begin with, where that is not the seed. Whoever submits the run reads the
 * file, once; everybody else gets the weights from the run's topics.
 *
 * @param file a safetensors file, looked for beside the spec
 * @param strict whether file and model must have the same tensors; if not, what the file has not
 *     begins as the seed has it, and what it has more is left out
 * @param names tensors that the file calls otherwise than the model
 */
public record InitialWeights(
    @Param(
            value = "a safetensors file, looked for beside the run spec",
            inFork = Param.InFork.FIXED)
        String file,
    @Param(
            value =
                "whether it must have all of the model's tensors and no others; false: the rest"
                    + " begins as the seed has it",
            defaultValue = "true",
            inFork = Param.InFork.FIXED)
        boolean strict,
    @Param(
            value = "tensors that the file calls otherwise than the model",
            defaultValue = "[]",
            inFork = Param.InFork.FIXED)
        List<Renamed> names) {
  public InitialWeights {
    names = List.copyOf(names);
    if (file.isBlank()) {
      throw new SpecError("file", "empty; the name of a safetensors file");
    }
  }

  /**
   * One tensor, or all whose names begin so.
   *
   * @param file name in the file; or what comes before a dot, for all tensors of a module
   * @param model the name in the model, or what comes before the dot there
   */
  public record Renamed(
      @Param(
              value = "a tensor's name in the file, or that of a module for all its tensors",
              inFork = Param.InFork.FIXED)
          String file,
      @Param(value = "what the model calls it", inFork = Param.InFork.FIXED) String model) {}
}
