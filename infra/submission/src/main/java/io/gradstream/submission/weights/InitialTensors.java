package io.gradstream.submission.weights;

import static java.util.stream.Collectors.joining;

import io.gradstream.proto.UserError;
import io.gradstream.proto.kernels.ValueType;
import io.gradstream.proto.manifest.TensorShape;
import io.gradstream.proto.message.RunRecord;
import io.gradstream.proto.spec.InitialWeights;
import io.gradstream.proto.spec.Nearest;
import io.gradstream.proto.spec.RunSpec;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The tensors that a run's spec names to begin with, under the names that its model has for them.
 *
 * <p>They are read once, by whoever submits the run; on the run's topics they are weights version 0
 * like any other, so nobody else needs the file. The run's record has its SHA-256.
 *
 * <p>float32 values are taken as they are, float16 and bfloat16 are widened exactly, and float64 is
 * taken where each value is a float32 and refused otherwise.
 */
public final class InitialTensors {
  private static final int NAMED = 5;

  /** PyTorch's BatchNorm counts batches, and uses the count only where it averages all of them. */
  private static final String COUNTER = "num_batches_tracked";

  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfDouble DOUBLE =
      ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final SafetensorsFile file;
  private final InitialWeights wanted;
  private final Map<String, SafetensorsFile.Stored> tensors;

  private InitialTensors(SafetensorsFile file, InitialWeights wanted) {
    this.file = file;
    this.wanted = wanted;
    this.tensors = renamed(file, wanted.names());
  }

  /**
   * Opens the file that a spec names; null where it names none.
   *
   * @param specFile the spec's own file, beside which a relative name is looked for
   * @throws UserError if it cannot be read, is damaged, or the names do not fit it
   */
  public static @Nullable InitialTensors beside(Path specFile, RunSpec spec) {
    final InitialWeights wanted = spec.initialWeights();
    if (wanted == null) {
      return null;
    }
    try {
      final Path file = specFile.toAbsolutePath().resolveSibling(wanted.file()).normalize();
      return new InitialTensors(SafetensorsFile.open(file), wanted);
    } catch (InvalidPathException e) {
      throw new UserError(
          "initial-weights.file: %s is no name of a file".formatted(wanted.file()), e);
    }
  }

  private static Map<String, SafetensorsFile.Stored> renamed(
      SafetensorsFile file, List<InitialWeights.Renamed> names) {
    final Map<String, SafetensorsFile.Stored> tensors = new LinkedHashMap<>();
    final boolean[] isUsed = new boolean[names.size()];
    for (final SafetensorsFile.Stored stored : file.tensors().values()) {
      String name = stored.name();
      for (int i = 0; i < names.size(); i++) {
        final InitialWeights.Renamed renamed = names.get(i);
        if (isIn(stored.name(), renamed.file())) {
          isUsed[i] = true;
          name = renamed.model() + stored.name().substring(renamed.file().length());
        }
      }
      final SafetensorsFile.Stored earlier = tensors.put(name, stored);
      if (earlier != null) {
        throw new UserError(
            "initial-weights.names: %s and %s of the file would both be %s"
                .formatted(printable(earlier.name()), printable(stored.name()), printable(name)));
      }
    }
    for (int i = 0; i < names.size(); i++) {
      if (!isUsed[i]) {
        throw new UserError(
            "initial-weights.names.%d.file: %s has no tensor %s, and none that begins with it and a dot%s"
                .formatted(
                    i,
                    file.file(),
                    names.get(i).file(),
                    nearest(names.get(i).file(), file.tensors().keySet())));
      }
    }
    return tensors;
  }

  private static boolean isIn(String name, String module) {
    return name.equals(module) || name.startsWith(module + ".");
  }

  /** What the run's record says of the file. */
  public RunRecord.File entry() {
    final Path name = file.file().getFileName();
    return RunRecord.File.newBuilder()
        .setName(String.valueOf(name))
        .setBytes(file.content().byteSize())
        .setSha256(file.sha256())
        .build();
  }

  /** Where the file is. */
  public Path path() {
    return file.file();
  }

  /**
   * Writes the tensors into a model's flat weights, which hold what it begins with by itself.
   *
   * @param model the model's tensors, in the order of the flat vector
   * @param weights little-endian float32
   * @return one line for the log: what was taken and what was not
   * @throws UserError if names, shapes or values do not fit; {@code weights} may be half written
   */
  public String fill(List<TensorShape> model, MemorySegment weights) {
    final Set<String> missing = new LinkedHashSet<>();
    final Set<String> unexpected = new LinkedHashSet<>(tensors.keySet());
    unexpected.removeIf(name -> name.endsWith(COUNTER));
    for (final TensorShape tensor : model) {
      if (!tensors.containsKey(tensor.name())) {
        missing.add(tensor.name());
      }
      unexpected.remove(tensor.name());
    }
    final boolean isSame = missing.isEmpty() && unexpected.isEmpty();
    if ((wanted.strict() && !isSame) || missing.size() == model.size()) {
      throw misfit(missing, unexpected);
    }
    long offset = 0;
    for (final TensorShape tensor : model) {
      final SafetensorsFile.Stored stored = tensors.get(tensor.name());
      if (stored != null) {
        requireShape(tensor, stored);
        copy(stored, weights.asSlice(offset, tensor.size() * Float.BYTES), tensor.size());
      }
      offset += tensor.size() * Float.BYTES;
    }
    return "%d of %d tensors begin as %s has them%s%s"
        .formatted(
            model.size() - missing.size(),
            model.size(),
            file.file(),
            missing.isEmpty() ? "" : "; not in it: " + listed(missing),
            unexpected.isEmpty() ? "" : "; left out of it: " + listed(unexpected));
  }

  private UserError misfit(Set<String> missing, Set<String> unexpected) {
    final var text = new StringBuilder();
    if (!missing.isEmpty()) {
      text.append("; it has not: ").append(listed(missing));
    }
    if (!unexpected.isEmpty()) {
      text.append("; the model has not: ").append(listed(unexpected));
    }
    return new UserError(
        "initial-weights.file: %s has other tensors than the model%s (initial-weights.names says what is called otherwise%s)"
            .formatted(
                file.file(),
                text,
                wanted.strict() ? "; with strict: false the rest begins as the seed has it" : ""));
  }

  private void requireShape(TensorShape tensor, SafetensorsFile.Stored stored) {
    final List<Long> wantedShape = new ArrayList<>();
    for (final long dimension : tensor.shape()) {
      wantedShape.add(dimension);
    }
    if (!wantedShape.equals(stored.shape())) {
      throw new UserError(
          "initial-weights.file: %s: %s has shape %s, and the model's %s has %s"
              .formatted(
                  file.file(),
                  printable(stored.name()),
                  stored.shape(),
                  tensor.name(),
                  wantedShape));
    }
  }

  private void copy(SafetensorsFile.Stored stored, MemorySegment to, long count) {
    final MemorySegment from = stored.values();
    for (long i = 0; i < count; i++) {
      final double value =
          switch (stored.type()) {
            case "F32" -> from.getAtIndex(FLOAT, i);
            case "F16" -> Float.float16ToFloat(from.getAtIndex(SHORT, i));
            case "BF16" -> Float.intBitsToFloat(from.getAtIndex(SHORT, i) << Short.SIZE);
            case "F64" -> from.getAtIndex(DOUBLE, i);
            default ->
                throw new UserError(
                    "initial-weights.file: %s: %s has type %s; weights are F32, F16, BF16 or F64"
                        .formatted(file.file(), printable(stored.name()), stored.type()));
          };
      if (!Double.isFinite(value) || (float) value != value) {
        throw new UserError(
            "initial-weights.file: %s: value %d of %s is %s, %s"
                .formatted(
                    file.file(),
                    i,
                    printable(stored.name()),
                    value,
                    Double.isFinite(value)
                        ? "which no float32 holds; write the file in float32, so that you round it"
                        : "no number to begin with"));
      }
      to.setAtIndex(ValueType.FLOAT, i, (float) value);
    }
  }

  private static String listed(Collection<String> names) {
    final String some =
        names.stream().limit(NAMED).map(InitialTensors::printable).collect(joining(", "));
    return names.size() > NAMED ? "%s and %d more".formatted(some, names.size() - NAMED) : some;
  }

  private static String printable(String name) {
    return SafetensorsFile.printable(name);
  }

  private static String nearest(String name, Collection<String> known) {
    return Nearest.of(name, known).map(near -> "; did you mean " + near + "?").orElse("");
  }
}
