package io.gradstream.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class SpecCatalogsTest {
  @Test
  void thePublishedSchemaIsUpToDate() throws IOException {
    assertThat(Files.readString(Path.of("../runs/run-spec.schema.json")))
        .as("write it anew: ./gradstream schema > infra/runs/run-spec.schema.json")
        .isEqualTo(SpecCatalogs.schema());
  }

  @Test
  void everyMethodIsListedAndExplained() {
    final String list = CommandLineRun.of("methods").out();

    SpecCatalogs.all()
        .forEach(
            (section, catalog) ->
                catalog
                    .names()
                    .forEach(
                        name -> {
                          assertThat(list).contains("  " + name + " ");
                          assertThat(CommandLineRun.of("methods", name).out())
                              .contains(section + " " + name + ": " + catalog.docOf(name));
                        }));
  }
}
