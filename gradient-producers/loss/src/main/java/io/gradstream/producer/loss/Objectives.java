package io.gradstream.producer.loss;

import io.gradstream.proto.spec.Catalog;
import io.gradstream.proto.spec.Param;
import io.gradstream.proto.spec.SpecError;
import java.util.OptionalInt;

/** The losses of the analytic model, by the name that a task gives. */
public final class Objectives {
  /** Makes a task's objective once the model is known. */
  @FunctionalInterface
  public interface Factory {
    /**
     * @param seed of the run
     * @param position of the task in the run spec, from 0
     * @param dimension of the points that the objective is evaluated at
     * @throws SpecError when there is no such objective
     */
    Objective create(long seed, int position, int dimension);
  }

  public static final Catalog<Factory> CATALOG =
      Catalog.<Factory>of("loss of model toy")
          .with(
              "landscape",
              LandscapeOptions.class,
              "one of the two losses of CAGrad's toy experiment",
              Objectives::landscape)
          .with(
              "quadratic",
              QuadraticOptions.class,
              "a seeded convex quadratic of any dimension",
              Objectives::quadratic)
          .open(ObjectivePlugin.class);

  private Objectives() {}

  private static Factory landscape(LandscapeOptions options) {
    return (seed, position, dimension) -> {
      if (dimension != 2) {
        throw new SpecError("type", "landscape needs 2 parameters, the model has " + dimension);
      }
      int index = options.index().orElse(position);
      if (index > 1) {
        throw new SpecError("index", "landscape has tasks 0 and 1, not " + index);
      }
      return new Landscape(index);
    };
  }

  private static Factory quadratic(QuadraticOptions options) {
    return (seed, position, dimension) ->
        new Quadratic(seed, options.index().orElse(position), dimension, options.condition());
  }

  /**
   * @param index which of the two losses; absent: the task's position
   */
  public record LandscapeOptions(
      @Param(value = "which loss, 0 or 1; absent: the task's position", min = 0, max = 1)
          OptionalInt index) {}

  /**
   * @param index which quadratic of the seed; absent: the task's position
   * @param condition largest curvature over smallest
   */
  public record QuadraticOptions(
      @Param(value = "which quadratic of the seed; absent: the task's position", min = 0)
          OptionalInt index,
      @Param(
              value = "largest curvature over smallest",
              defaultValue = "10",
              min = 1,
              max = 1_000_000_000)
          double condition) {}
}
