package io.gradstream.producer.worker;

import io.gradstream.producer.model.TaskModel;
import io.gradstream.proto.UserError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.function.IntSupplier;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What the workers of one process compute on. It is theirs, not the run's: workers of one run may
 * have different devices, and each gradient says which it was computed on.
 *
 * @param names {@code cpu}, or {@code gpu:0} and so on; at least one
 */
public record Devices(List<String> names) {
  private static final Pattern NAME = Pattern.compile("cpu|gpu:\\d{1,3}");
  private static final Path NVIDIA = Path.of("/proc/driver/nvidia/gpus");

  public Devices {
    names = List.copyOf(names);
  }

  /**
   * What a person asks for.
   *
   * @param text a device, several with commas between them, or {@code gpu:all}
   * @param gpus how many GPUs this machine has; asked only for {@code gpu:all}
   * @throws UserError if a name is wrong, or there is no GPU for {@code gpu:all}
   */
  public static Devices parse(String text, IntSupplier gpus) {
    final List<String> names = new ArrayList<>();
    for (final String name : text.split(",", -1)) {
      if (name.equals("gpu:all")) {
        final int count = gpus.getAsInt();
        if (count == 0) {
          throw new UserError(
              "--device: gpu:all: no GPU is seen here (NVIDIA's driver lists none, or CUDA_VISIBLE_DEVICES hides them); cpu always works");
        }
        IntStream.range(0, count).mapToObj(index -> "gpu:" + index).forEach(names::add);
      } else if (NAME.matcher(name).matches()) {
        names.add(name);
      } else {
        throw new UserError(
            "--device: \"%s\" is not possible; cpu, gpu:0, gpu:1, ..., or gpu:all%s"
                .formatted(
                    name,
                    name.matches("cuda(:\\d+)?")
                        ? "; what PyTorch calls cuda:0 is gpu:0 here"
                        : ""));
      }
    }
    return new Devices(names);
  }

  /**
   * How many GPUs CUDA shows to this process: those that NVIDIA's driver lists, of which {@code
   * CUDA_VISIBLE_DEVICES} may hide some. Whether an engine can use them is found out when a model
   * is made.
   */
  public static int gpus() {
    return gpus(NVIDIA, System.getenv("CUDA_VISIBLE_DEVICES"));
  }

  static int gpus(Path driver, @Nullable String visible) {
    final int there = listed(driver);
    if (visible == null) {
      return there;
    }
    // As CUDA reads it: what stands behind the first name that is none does not count.
    final long shown =
        Stream.of(visible.split(","))
            .map(String::strip)
            .takeWhile(name -> !name.isEmpty() && !name.startsWith("-"))
            .count();
    return (int) Math.min(there, shown);
  }

  private static int listed(Path driver) {
    try (Stream<Path> gpus = Files.list(driver)) {
      return (int) gpus.count();
    } catch (IOException noDriver) {
      return 0;
    }
  }

  /**
   * Makes models on these devices in turn: the first for whoever asks first, and the first again
   * after the last.
   *
   * @param prepare what makes the models of one device; called once for each
   */
  public Supplier<TaskModel> deal(Function<String, Supplier<TaskModel>> prepare) {
    final Map<String, Supplier<TaskModel>> prepared = new HashMap<>();
    for (final String name : names) {
      prepared.computeIfAbsent(name, prepare);
    }
    final List<Supplier<TaskModel>> models = names.stream().map(prepared::get).toList();
    final var next = new AtomicInteger();
    return () -> models.get(Math.floorMod(next.getAndIncrement(), models.size())).get();
  }
}
