package io.gradstream.arbitrator.offline;

import io.gradstream.proto.UserError;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A method and the gradients to run it on, as parsed from JSON into maps, lists, strings and
 * numbers.
 *
 * @param id names the case in messages and answers
 * @param method name of the method, such as {@code gcond}
 * @param variant which public implementation the parameters speak of; empty for our own names
 * @param params parameters in the words of that implementation; the string "none" stands for no
 *     value
 * @param initialState the method's state before the first step; empty for its usual beginning
 * @param segments sizes of the parameter tensors, for the tensor-wise part of GCond's Lion
 * @param theta D parameter values, for the same
 * @param steps rounds, in order, on one instance of the method
 */
public record GradientCase(
    String id,
    String method,
    String variant,
    Map<String, Object> params,
    Map<String, Object> initialState,
    int[] segments,
    double[] theta,
    List<Step> steps) {

  /**
   * One round.
   *
   * @param gradients N x D
   * @param losses N, or null where the method does not look at them
   * @param inputs further inputs by name: order, uniform, normal, epoch, losses_after_step, beta,
   *     samples
   */
  public record Step(double[][] gradients, double @Nullable [] losses, Map<String, Object> inputs) {

    int tasks() {
      return gradients.length;
    }

    int size() {
      return gradients[0].length;
    }

    double @Nullable [] numbers(String input) {
      Object value = inputs.get(input);
      return value == null ? null : numbersOf(input, value);
    }

    /** Two independent samples of the gradients, each N x D; none where they are not given. */
    double[][][] samples() {
      Object value = inputs.get("samples");
      if (value == null) {
        return new double[0][][];
      }
      List<?> given = list("samples", value);
      return new double[][][] {rowsOf("samples", given.get(0)), rowsOf("samples", given.get(1))};
    }

    boolean has(String input) {
      return inputs.get(input) != null;
    }
  }

  /**
   * Reads a case from parsed JSON.
   *
   * @throws UserError naming the case and the field that is missing or of the wrong form
   */
  public static GradientCase of(Map<String, ?> json) {
    String id = json.get("id") instanceof String text ? text : "?";
    try {
      List<?> steps = list("steps", json.get("steps"));
      if (steps.isEmpty()) {
        throw new IllegalArgumentException("'steps' is empty");
      }
      return new GradientCase(
          id,
          text("method", json.get("method")),
          json.get("variant") == null ? "" : text("variant", json.get("variant")),
          map("params", json.get("params")),
          map("initial_state", json.get("initial_state")),
          json.get("segments") == null
              ? new int[0]
              : Arrays.stream(numbersOf("segments", json.get("segments")))
                  .mapToInt(size -> (int) size)
                  .toArray(),
          json.get("theta") == null ? new double[0] : numbersOf("theta", json.get("theta")),
          steps(steps));
    } catch (IllegalArgumentException e) {
      throw new UserError("case " + id + ": " + e.getMessage());
    }
  }

  private static List<Step> steps(List<?> json) {
    var steps = new ArrayList<Step>();
    for (int index = 0; index < json.size(); index++) {
      try {
        Step step = step(map("steps", json.get(index)));
        if (index > 0) {
          sameAs(steps.getFirst(), step);
        }
        steps.add(step);
      } catch (IllegalArgumentException e) {
        throw new IllegalArgumentException("step " + index + ": " + e.getMessage());
      }
    }
    return List.copyOf(steps);
  }

  private static void sameAs(Step first, Step step) {
    if (step.tasks() != first.tasks()) {
      throw new IllegalArgumentException(
          "has gradients of %d tasks, step 0 of %d; give every step a gradient of every task"
              .formatted(step.tasks(), first.tasks()));
    }
    if (step.size() != first.size()) {
      throw new IllegalArgumentException(
          "has gradients of %d values, step 0 of %d; a model's gradients keep their size"
              .formatted(step.size(), first.size()));
    }
  }

  private static Step step(Map<String, Object> json) {
    double[][] gradients = rowsOf("gradients", json.get("gradients"));
    if (gradients.length == 0) {
      throw new IllegalArgumentException("'gradients' has no row; give one a task");
    }
    for (double[] row : gradients) {
      if (row.length == 0) {
        throw new IllegalArgumentException("'gradients' has a row without values");
      }
      if (row.length != gradients[0].length) {
        throw new IllegalArgumentException("the rows of 'gradients' differ in length");
      }
    }
    int tasks = gradients.length;
    double[] losses = null;
    if (json.get("losses") != null) {
      losses = numbersOf("losses", json.get("losses"));
      size("losses", losses.length, tasks);
    }
    for (String name : List.of("losses_after_step", "normal")) {
      if (json.get(name) != null) {
        size(name, numbersOf(name, json.get(name)).length, tasks);
      }
    }
    if (json.get("samples") != null) {
      List<?> samples = list("samples", json.get("samples"));
      if (samples.size() != 2) {
        throw new IllegalArgumentException(
            "'samples' has %d entries; give two samples of the gradients"
                .formatted(samples.size()));
      }
      for (Object sample : samples) {
        double[][] rows = rowsOf("samples", sample);
        size("samples", rows.length, tasks);
        for (double[] row : rows) {
          if (row.length != gradients[0].length) {
            throw new IllegalArgumentException(
                "the rows of 'samples' must be as long as those of 'gradients'");
          }
        }
      }
    }
    if (json.get("uniform") != null
        && numbersOf("uniform", json.get("uniform")).length != gradients[0].length) {
      throw new IllegalArgumentException("'uniform' must have a number for each gradient value");
    }
    if (json.get("order") != null) {
      double[][] orders = rowsOf("order", json.get("order"));
      size("order", orders.length, tasks);
      for (double task : Arrays.stream(orders).flatMapToDouble(Arrays::stream).toArray()) {
        if (task != Math.rint(task) || task < 0 || task >= tasks) {
          throw new IllegalArgumentException(
              "'order' names tasks by 0 to %d, not by %s".formatted(tasks - 1, task));
        }
      }
    }
    return new Step(gradients, losses, json);
  }

  private static void size(String name, int found, int tasks) {
    if (found != tasks) {
      throw new IllegalArgumentException(
          "'%s' has %d entries for %d gradients; give one a task".formatted(name, found, tasks));
    }
  }

  static double[] numbersOf(String name, @Nullable Object value) {
    return list(name, value).stream().mapToDouble(number -> number(name, number)).toArray();
  }

  static double[][] rowsOf(String name, @Nullable Object value) {
    var rows = new ArrayList<double[]>();
    for (Object row : list(name, value)) {
      rows.add(numbersOf(name, row));
    }
    return rows.toArray(double[][]::new);
  }

  private static double number(String name, @Nullable Object value) {
    if (value instanceof Number number && Double.isFinite(number.doubleValue())) {
      return number.doubleValue();
    }
    throw new IllegalArgumentException("'" + name + "' must hold finite numbers, not " + value);
  }

  private static List<?> list(String name, @Nullable Object value) {
    if (value instanceof List<?> list) {
      return list;
    }
    throw new IllegalArgumentException("'" + name + "' must be a list");
  }

  private static String text(String name, @Nullable Object value) {
    if (value instanceof String text) {
      return text;
    }
    throw new IllegalArgumentException("'" + name + "' must be a text");
  }

  /** Anything but a map, such as null or the word "zeros", is an empty one. */
  private static Map<String, Object> map(String name, @Nullable Object value) {
    var copy = new java.util.LinkedHashMap<String, Object>();
    if (value instanceof Map<?, ?> map) {
      map.forEach(
          (key, entry) -> {
            if (key instanceof String text && entry != null) {
              copy.put(text, entry);
            }
          });
    } else if (name.equals("steps")) {
      throw new IllegalArgumentException("'steps' must hold objects");
    }
    return copy;
  }
}
