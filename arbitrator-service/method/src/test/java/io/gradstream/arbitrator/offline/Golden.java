package io.gradstream.arbitrator.offline;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** One case of the golden files: what a public implementation answered on fixed gradients. */
final class Golden {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Map<String, Object> json;

  private Golden(Map<String, Object> json) {
    this.json = json;
  }

  static List<Golden> casesOf(String method) {
    try (InputStream in = Golden.class.getResourceAsStream("/goldens/" + method + ".json")) {
      Map<String, Object> file = JSON.readValue(in, new TypeReference<>() {});
      var cases = new ArrayList<Golden>();
      for (Object one : (List<?>) file.getOrDefault("cases", List.of())) {
        cases.add(new Golden(asMap(one)));
      }
      return cases;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  GradientCase gradientCase() {
    return GradientCase.of(json);
  }

  String variant() {
    return String.valueOf(json.get("variant"));
  }

  int steps() {
    return ((List<?>) required("steps")).size();
  }

  Map<String, Object> expected(int step) {
    return asMap(asMap(((List<?>) required("steps")).get(step)).get("expected"));
  }

  boolean is(String flag) {
    return Boolean.TRUE.equals(json.get(flag));
  }

  boolean isNot(String flag) {
    return Boolean.FALSE.equals(json.get(flag));
  }

  /**
   * Whether only the public code has no answer: LibMTL takes a root of what rounds below 0, and
   * TorchJD's Krum takes either of two equal rows.
   */
  boolean definedHere() {
    return List.of("krum", "gradvac").contains(String.valueOf(json.get("method")));
  }

  /** Whether the method needs more tasks than the case has, and the public code refuses it too. */
  boolean tooFewTasks() {
    return List.of("krum", "trimmed_mean").contains(String.valueOf(json.get("method")))
        && String.valueOf(expected(0).get("reason")).contains("fewer than");
  }

  /** The true solution, or an empty map. */
  Map<String, Object> exact() {
    return json.containsKey("exact") ? asMap(json.get("exact")) : Map.of();
  }

  /** Compares numbers, vectors or matrices at the case's tolerance for public answers. */
  void assertClose(String what, @Nullable Object actual, @Nullable Object expected) {
    assertClose(what, actual, expected, "tolerance", 0);
  }

  /** Compares at one of the case's tolerances, relative to at least {@code scale}. */
  void assertClose(
      String what,
      @Nullable Object actual,
      @Nullable Object expected,
      String tolerance,
      double scale) {
    double[] ours = flat(actual);
    double[] theirs = flat(expected);
    assertThat(ours).as(what + ": length").hasSameSizeAs(theirs);
    Map<String, Object> limits = asMap(required(tolerance));
    double largest = scale;
    for (double value : theirs) {
      if (Double.isFinite(value)) {
        largest = Math.max(largest, Math.abs(value));
      }
    }
    double allowed = number(limits.get("atol")) + number(limits.get("rtol")) * largest;
    for (int i = 0; i < ours.length; i++) {
      if (Double.isInfinite(theirs[i])) {
        assertThat(ours[i]).as(what).isEqualTo(theirs[i]);
        continue;
      }
      assertThat(Math.abs(ours[i] - theirs[i]))
          .as("%s[%d]: %s instead of %s", what, i, ours[i], theirs[i])
          .isLessThanOrEqualTo(allowed);
    }
  }

  /** The decays that VarGrad's paper cases have step by step. */
  double[] betas() {
    return flat(asMap(required("params")).get("betas"));
  }

  /** The largest absolute gradient value of a step, against which updates are compared. */
  double largestGradient(int step) {
    double largest = 0;
    for (double value : flat(asMap(((List<?>) required("steps")).get(step)).get("gradients"))) {
      largest = Math.max(largest, Math.abs(value));
    }
    return largest;
  }

  @Override
  public String toString() {
    return json.get("id") + " (" + json.get("variant") + ", " + json.get("kind") + ")";
  }

  private Object required(String field) {
    Object value = json.get(field);
    if (value == null) {
      throw new IllegalStateException(this + " has no " + field);
    }
    return value;
  }

  private static double[] flat(@Nullable Object value) {
    return switch (value) {
      case null -> new double[0];
      case double[] numbers -> numbers;
      case Number number -> new double[] {number.doubleValue()};
      case String text -> new double[] {Double.parseDouble(text)};
      case double[][] rows -> flat(List.of(rows));
      case List<?> list -> {
        var all = new ArrayList<Double>();
        for (Object entry : list) {
          for (double number : flat(entry)) {
            all.add(number);
          }
        }
        yield all.stream().mapToDouble(Double::doubleValue).toArray();
      }
      default -> throw new IllegalArgumentException("not numbers: " + value);
    };
  }

  private static double number(@Nullable Object value) {
    return flat(value)[0];
  }

  private static Map<String, Object> asMap(@Nullable Object value) {
    return JSON.convertValue(value, new TypeReference<>() {});
  }
}
