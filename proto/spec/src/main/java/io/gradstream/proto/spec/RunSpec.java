package io.gradstream.proto.spec;

import io.gradstream.proto.FileFault;
import io.gradstream.proto.UserError;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * One training job, described by one YAML file.
 *
 * <p>Read strictly: an unknown or missing key, a wrong type, a value out of range or a
 * contradiction is a {@link UserError} of one line with file and line. The sections (model, data,
 * losses, resolver, calibrator, optimizer) are only located here; the services' {@link Catalog}s
 * bind them.
 *
 * @param run names the run and prefixes its topics
 * @param seed the only source of randomness
 * @param rounds optimizer steps of the whole run
 * @param tasks at least one, with unique names
 * @param initialWeights what the weights begin with; null for what the model says itself
 * @param clipNorm largest global norm of what the optimizer gets; null for no clipping
 * @param maxNormRatio how many times its task's running norm a slot's gradient may have before it
 *     is refused; null for no limit
 * @param onDivergence what to do when a slot's gradient is not finite, whoever computes it
 * @param keys who signs what; a role without an entry signs nothing
 */
public record RunSpec(
    @Param("name of the run; prefix of its topics") String run,
    @Param(value = "the only source of randomness", defaultValue = "1", inReplay = true) long seed,
    @Param(value = "optimizer steps of the whole run", min = 1) long rounds,
    @Param(value = "the tasks, each one loss", inFork = Param.InFork.FIXED) List<TaskSpec> tasks,
    @Param(value = "how micro-batches are shared among the tasks", defaultValue = "{}")
        Accumulation accumulation,
    @Param("the model") @Section.KindKey("type") Section model,
    @Param(
            value = "weights to begin with; absent: those of the seed, or of the model's own file",
            shortFor = "file",
            inFork = Param.InFork.FIXED)
        @Nullable InitialWeights initialWeights,
    @Param(value = "the training data", defaultValue = "none") @Section.KindKey("type")
        Section data,
    @Param(value = "how the tasks' conflicts are resolved", inReplay = true)
        @Section.KindKey("method")
        Section resolver,
    @Param(
            value = "per-task filter in front of the resolver",
            defaultValue = "none",
            inReplay = true,
            inFork = Param.InFork.KIND_FIXED)
        @Section.KindKey("method")
        Section calibrator,
    @Param(
            value = "which rounds need one gradient per task",
            defaultValue = "none",
            inFork = Param.InFork.KIND_FIXED)
        @Section.KindKey("method")
        Section selection,
    @Param(value = "momentum between resolver and optimizer", defaultValue = "{}", inReplay = true)
        Momentum momentum,
    @Param(
            value = "largest global norm of what the optimizer gets; absent: no clipping",
            min = 0,
            exclusiveMin = true,
            inReplay = true)
        @Nullable Double clipNorm,
    @Param(
            value =
                "a slot's gradient is refused if it has more than this many times its task's running norm; absent:"
                    + " no limit",
            min = 1,
            exclusiveMin = true)
        @Nullable Double maxNormRatio,
    @Param(
            value =
                "what to do when a slot's gradient is not finite, whoever computes it: stop, or skip"
                    + " the round (at most 10 in a row)",
            defaultValue = "stop")
        OnDivergence onDivergence,
    @Param(value = "how weights follow from the unified gradient", inFork = Param.InFork.KIND_FIXED)
        @Section.KindKey("type")
        Section optimizer,
    @Param(value = "course of the learning rate", defaultValue = "{}")
        LearningRateSchedule schedule,
    @Param(
            value = "parameters on which conflicts are resolved",
            defaultValue = "shared",
            inFork = Param.InFork.FIXED)
        Scope scope,
    @Param(value = "validation on held-out data", defaultValue = "{}") Evaluation evaluation,
    @Param(value = "where gradients are computed", defaultValue = "{}") Compute compute,
    @Param(value = "how the run uses Kafka", defaultValue = "{}") Transport transport,
    @Param(value = "how long a worker may take", defaultValue = "{}") OrderSettings orders,
    @Param(
            value =
                "whose signed gradients, weights and validation losses are taken; a role that is"
                    + " not listed: anybody's",
            defaultValue = "[]")
        List<ListedKey> keys) {
  /** What a run may be called, as the end of a message. */
  public static final String NAME_RULE =
      "a run's name has at most 100 letters, digits, inner hyphens and underscores";

  private static final Pattern RUN = Pattern.compile("[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?");

  /** Larger than any spec that a person writes, and small enough to be read at once. */
  private static final int MAX_FILE_BYTES = 1024 * 1024;

  public RunSpec {
    if (!isName(run)) {
      throw new SpecError("run", "\"" + run + "\" is not allowed; " + NAME_RULE);
    }
    tasks = List.copyOf(tasks);
    if (tasks.isEmpty()) {
      throw new SpecError("tasks", "empty; a run needs at least one task");
    }
    final var first = new LinkedHashMap<String, Integer>();
    for (int i = 0; i < tasks.size(); i++) {
      final var earlier = first.putIfAbsent(tasks.get(i).name(), i);
      if (earlier != null) {
        throw new SpecError(
            "tasks." + i + ".name",
            "\"" + tasks.get(i).name() + "\" is already the name of tasks." + earlier);
      }
    }
    if (schedule.warmupRounds() > rounds) {
      throw new SpecError(
          "schedule.warmup-rounds",
          schedule.warmupRounds()
              + " are more than the run's "
              + rounds
              + " rounds, so the learning rate would never be reached");
    }
    if (tasks.stream().allMatch(task -> task.weight() == 0)) {
      throw new SpecError("tasks.0.weight", "no task has a weight above 0, so nothing would train");
    }
    keys = List.copyOf(keys);
    checkKeys(keys, first.keySet());
    final var batches = new TaskBatches(accumulation, tasks, data);
    if (!selection.kind().equals("none")) {
      requireOneBatch(batches);
    }
    if (!data.kind().equals("none") && tasks.stream().allMatch(task -> task.data() != null)) {
      throw new SpecError("data", "every task has data of its own; leave this section out");
    }
  }

  private static void requireOneBatch(TaskBatches batches) {
    final String difference =
        !batches.haveOneSource()
            ? "data"
            : !batches.haveOneSize()
                ? "batch sizes"
                : batches.slots().isAlike() ? "" : "numbers of micro-batches";
    if (!difference.isEmpty()) {
      throw new SpecError(
          "selection",
          "rounds of the summed loss take one batch for all tasks, and these tasks have different %s; leave selection out, or give all tasks the same"
              .formatted(difference));
    }
  }

  /** How many slots each task has in a round. */
  public TaskSlots slots() {
    return TaskSlots.of(accumulation, tasks);
  }

  /** What the tasks' slots are computed on. */
  public TaskBatches batches() {
    return new TaskBatches(accumulation, tasks, data);
  }

  /** Whether a run may have that name, which becomes part of topics and paths. */
  public static boolean isName(String name) {
    return RUN.matcher(name).matches() && name.length() <= 100;
  }

  private static void checkKeys(List<ListedKey> keys, Set<String> tasks) {
    final var first = new HashMap<Map.Entry<ListedKey.Role, String>, Integer>();
    for (int i = 0; i < keys.size(); i++) {
      final ListedKey key = keys.get(i);
      final Integer earlier = first.putIfAbsent(Map.entry(key.role(), key.name()), i);
      if (earlier != null) {
        throw new SpecError(
            "keys." + i + "." + key.role().key(),
            "\"%s\" is already the %s of keys.%d".formatted(key.name(), key.role().key(), earlier));
      }
      for (final String task : key.tasks()) {
        if (!tasks.contains(task) && !task.equals("all")) {
          throw new SpecError(
              "keys." + i + ".tasks", "\"" + task + "\" is no task; there are " + tasks);
        }
      }
    }
  }

  /** The keys of a role; empty where what it publishes need not be signed. */
  public List<ListedKey> keys(ListedKey.Role role) {
    return keys.stream().filter(key -> key.role() == role).toList();
  }

  /**
   * Reads a file.
   *
   * @param overrides assignments {@code key.path=value}, applied in order
   * @throws UserError if the file cannot be read or describes no run
   */
  public static RunSpec read(Path file, List<String> overrides) {
    try (InputStream stream = Files.newInputStream(file)) {
      final byte[] bytes = stream.readNBytes(MAX_FILE_BYTES + 1);
      if (bytes.length > MAX_FILE_BYTES) {
        throw new UserError(
            file + ": larger than 1 MiB; a run spec is a YAML file that a person writes");
      }
      final CharBuffer text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes));
      return parse(text.toString(), file.toString(), overrides);
    } catch (CharacterCodingException e) {
      throw new UserError(file + ": not text in UTF-8; a run spec is a YAML file", e);
    } catch (IOException e) {
      throw new UserError("%s: %s; a run spec is a YAML file".formatted(file, FileFault.of(e)), e);
    }
  }

  /**
   * Reads text, as {@link #text()} writes it or a person does.
   *
   * @param source what messages call it: a file name, or {@code topic digits-mae.spec}
   */
  public static RunSpec parse(String text, String source, List<String> overrides) {
    var document = YamlReader.read(text, source);
    for (final var override : overrides) {
      document = new Assignment(override).applyTo(document, RunSpec.class);
    }
    return Binder.bind(RunSpec.class, document, "");
  }

  /** The same run, whose gradients are computed on another device here. */
  public RunSpec on(String device) {
    return parse(text(), "--device", List.of("compute.device=" + device));
  }

  /**
   * The spec as canonical YAML, overrides applied and the defaults of this level written out, so
   * that a run means the same after a default has changed. Read again, it gives an equal spec.
   */
  public String text() {
    return YamlWriter.document(SpecTree.of(this));
  }
}
