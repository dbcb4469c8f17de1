package io.gradstream.producer.model;

import io.gradstream.producer.model.mae.MaeOptions;
import io.gradstream.producer.model.mae.MaeType;
import io.gradstream.producer.model.toy.ToyOptions;
import io.gradstream.producer.model.toy.ToyType;
import io.gradstream.proto.spec.Catalog;
import io.gradstream.proto.spec.RunSpec;
import java.util.function.Supplier;

/** The models, by the name that a run spec's {@code model.type} gives. */
public final class Models {
  public static final Catalog<ModelType> CATALOG =
      Catalog.<ModelType>of("model")
          .with("mae", MaeOptions.class, "masked auto-encoder (He et al. 2022)", MaeType::new)
          .with("toy", ToyOptions.class, "parameters with analytic losses", ToyType::new);

  private Models() {}

  /**
   * What makes the model of a spec: data are read once, and each call gives an instance for one
   * thread.
   *
   * @throws io.gradstream.proto.UserError when the spec's model, losses, data or device are not
   *     possible
   */
  public static Supplier<TaskModel> prepare(RunSpec spec) {
    return CATALOG.create(spec.model()).prepare(spec);
  }

  /** A single instance of the spec's model; see {@link #prepare}. */
  public static TaskModel create(RunSpec spec) {
    return prepare(spec).get();
  }
}
