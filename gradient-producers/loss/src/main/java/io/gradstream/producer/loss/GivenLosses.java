package io.gradstream.producer.loss;

import io.gradstream.proto.spec.Catalog;
import io.gradstream.proto.spec.NoOptions;

/** The losses of models that bring their own, by the name that a task gives. */
public final class GivenLosses {
  public static final Catalog<NoOptions> CATALOG =
      Catalog.<NoOptions>of("loss of a model that brings its own")
          .with("given", NoOptions.class, "the loss that the model itself has", options -> options);

  private GivenLosses() {}
}
