package io.gradstream.producer.data;

import io.gradstream.proto.spec.Catalog;
import io.gradstream.proto.spec.NoOptions;
import io.gradstream.proto.spec.SpecError;

/** The data a run can train on, by the name that its spec's {@code data.type} gives. */
public final class DataSources {
  /** Making an entry reads the data. */
  public static final Catalog<ImageData> CATALOG =
      Catalog.<ImageData>of("data source")
          .with("idx", IdxData.Options.class, "grey images in MNIST's file format", IdxData::load)
          .with(
              "overlay",
              OverlaidDigits.Options.class,
              "two digits in one image, made from images in MNIST's file format",
              OverlaidDigits::load)
          .with(
              "none",
              NoOptions.class,
              "no data, for models that need none",
              options -> {
                throw new SpecError(
                    "type",
                    "this model trains on images; give data: {type: idx, directory: shipped:digits}");
              })
          .open(DataPlugin.class);

  private DataSources() {}
}
