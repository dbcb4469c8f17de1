package io.gradstream.cli;

import io.gradstream.audit.restore.PastWeights;
import io.gradstream.proto.FileFault;
import io.gradstream.proto.UserError;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.log.RunLog;
import io.gradstream.submission.weights.Safetensors;
import io.gradstream.submission.weights.Weights;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import picocli.CommandLine.Option;

/** The options for the safetensors file that a command writes weights to. */
final class ModelFile {
  private static final int FINDING = 1;

  @Option(
      names = "--out",
      required = true,
      paramLabel = "FILE",
      description = "The file to write, such as model.safetensors.")
  private Path file;

  @Option(
      names = "--dtype",
      paramLabel = "TYPE",
      defaultValue = "float32",
      description = {
        "float32: the weights as the parameter server has them, also where they travel as bfloat16;",
        "bfloat16: rounded, as workers have them where they travel so. Default: ${DEFAULT-VALUE}."
      })
  private String type;

  /** The type of the file's values. */
  ValueType type() {
    return switch (type) {
      case "float32" -> ValueType.FLOAT32;
      case "bfloat16" -> ValueType.BFLOAT16;
      default -> throw new UserError("--dtype: " + type + " is not possible; float32 or bfloat16");
    };
  }

  /**
   * Writes weights that were computed from a log, and prints whether the weights topic agrees.
   *
   * @return the exit code: 1 if the topic has other bits
   */
  int write(PastWeights past, RunLog log, PrintWriter out) {
    final var weights = new Weights(past.version(), past.values());
    final String published = new Weights(past.version(), past.published()).sha256();
    final ValueType as = type();
    try {
      Safetensors.write(file, past.run(), weights, as, published);
    } catch (IOException e) {
      throw new UserError("--out: cannot write " + file + ": " + FileFault.of(e), e);
    }
    final PastWeights.Agreement agreement = past.agreement(log);
    out.printf("%s: weights version %d, sha256 %s%n", file, past.version(), published);
    final ValueType travelled = past.run().spec().transport().valueType();
    if (travelled != ValueType.FLOAT32 || as != ValueType.FLOAT32) {
      out.printf(
          "the file has them in %s, sha256 %s; the first digest is of the values as they travelled, in %s%n",
          name(as), weights.sha256(as), name(travelled));
    }
    out.println(
        switch (agreement) {
          case SAME -> "the same bits as on the weights topic";
          case DIFFERENT -> "the weights topic has other bits: gradstream audit tells more";
          case GONE -> "the weights topic no longer has this version";
        });
    out.flush();
    return agreement == PastWeights.Agreement.DIFFERENT ? FINDING : 0;
  }

  private static String name(ValueType type) {
    return type.name().toLowerCase(Locale.ROOT);
  }
}
