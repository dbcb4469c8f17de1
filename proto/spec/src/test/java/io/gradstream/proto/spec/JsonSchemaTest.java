package io.gradstream.proto.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.networknt.schema.InputFormat;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import com.networknt.schema.ValidationMessage;
import io.gradstream.proto.UserError;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonSchemaTest {
  enum Mode {
    FAST,
    VERY_EXACT
  }

  record Part(@Param(value = "share", defaultValue = "0.5", min = 0, max = 1) double share) {}

  record Spec(
      @Param("the \"name\"") String name,
      @Param(value = "speed", defaultValue = "very-exact") Mode mode,
      @Param(value = "limits", defaultValue = "[1, 2]", min = 0, exclusiveMin = true)
          List<Integer> limits,
      @Param("cap") @Nullable Double cap,
      @Param(value = "text that looks like a number", defaultValue = "12") String version,
      @Param(value = "a part", defaultValue = "{}") Part part,
      @Param(value = "the method", defaultValue = "sum") @Section.KindKey("method")
          Section resolver) {}

  private static final String SCHEMA =
      JsonSchema.of(Spec.class, Map.of("resolver", Methods.CATALOG));

  private static Set<ValidationMessage> validate(String json) {
    return JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012)
        .getSchema(SCHEMA)
        .validate(json, InputFormat.JSON);
  }

  @Test
  void saysWhatTheRecordsSay() {
    assertThat(SCHEMA)
        .startsWith(
            """
            {
              "$schema": "https://json-schema.org/draft/2020-12/schema",
              "title": "Gradstream run spec",
              "type": "object",
              "properties": {
                "name": {
                  "description": "the \\"name\\"",
                  "type": "string"
                },
                "mode": {
                  "description": "speed",
                  "enum": ["fast", "very-exact"],
                  "default": "very-exact"
                },
                "limits": {
                  "description": "limits",
                  "type": "array",
                  "items": {
                    "type": "integer",
                    "exclusiveMinimum": 0
                  },
                  "default": [1, 2]
                },
                "cap": {
                  "description": "cap",
                  "anyOf": [
                    {
                      "type": "number"
                    },
                    {
                      "type": "null"
                    }
                  ]
                },
                "version": {
                  "description": "text that looks like a number",
                  "type": "string",
                  "default": "12"
                },
                "part": {
                  "description": "a part",
                  "type": "object",
                  "properties": {
                    "share": {
                      "description": "share",
                      "type": "number",
                      "minimum": 0,
                      "maximum": 1,
                      "default": 0.5
                    }
                  },
                  "additionalProperties": false,
                  "default": {}
                },
                "resolver": {
                  "description": "the method",
                  "oneOf": [
                    {
                      "enum": ["gcond", "sum"]
                    },
                    {
                      "type": "object",
                      "properties": {
                        "method": {
                          "description": "GCond: accumulate, then arbitrate",
                          "const": "gcond"
                        },
            """)
        .endsWith(
            """
              "required": ["name"],
              "additionalProperties": false
            }
            """);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{'name': 'a'}",
        "{'name': 'a', 'cap': null, 'limits': [], 'part': {}}",
        "{'name': 'a', 'mode': 'fast', 'cap': 1.5, 'part': {'share': 1}}",
        "{'name': 'a', 'resolver': 'gcond'}",
        "{'name': 'a', 'resolver': {'method': 'gcond', 'norm-cap': 2, 'raw': false}}",
        "{'name': 'a', 'resolver': {'method': 'cagrad', 'calpha': 0.4}}"
      })
  void acceptsWhatTheReaderAccepts(String single) {
    final var json = single.replace('\'', '"');

    assertThat(validate(json)).isEmpty();
    Methods.CATALOG.create(Binder.bind(Spec.class, YamlReader.read(json, "x.yaml"), "").resolver());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        "{'name': 'a', 'nmae': 'b'}",
        "{'name': 'a', 'mode': 'slow'}",
        "{'name': 'a', 'limits': [0]}",
        "{'name': 'a', 'limits': [1.5]}",
        "{'name': 'a', 'limits': 1}",
        "{'name': 'a', 'part': {'share': 2}}",
        "{'name': 'a', 'part': {'shape': 1}}",
        "{'name': 'a', 'resolver': 'smu'}",
        "{'name': 'a', 'resolver': 'cagrad'}",
        "{'name': 'a', 'resolver': {}}",
        "{'name': 'a', 'resolver': {'method': 'cagrad'}}",
        "{'name': 'a', 'resolver': {'method': 'sum', 'calpha': 0.4}}"
      })
  void refusesWhatTheReaderRefuses(String single) {
    final var json = single.replace('\'', '"');

    assertThat(validate(json)).isNotEmpty();
    assertThatThrownBy(
            () ->
                Methods.CATALOG.create(
                    Binder.bind(Spec.class, YamlReader.read(json, "x.yaml"), "").resolver()))
        .isInstanceOf(UserError.class);
  }

  @Test
  void wantsACatalogForEachSectionAndNoOther() {
    assertThatThrownBy(() -> JsonSchema.of(Spec.class, Map.of()))
        .hasMessage("no catalog for section resolver");
    assertThatThrownBy(
            () ->
                JsonSchema.of(
                    Spec.class, Map.of("resolver", Methods.CATALOG, "model", Methods.CATALOG)))
        .hasMessage("no such sections: [model]");
  }

  @Test
  void coversTheRunSpec() {
    final var schema =
        JsonSchema.of(
            RunSpec.class,
            Map.of(
                "model", Methods.CATALOG,
                "data", Methods.CATALOG,
                "resolver", Methods.CATALOG,
                "calibrator", Methods.CATALOG,
                "selection", Methods.CATALOG,
                "optimizer", Methods.CATALOG,
                "tasks.loss", Methods.CATALOG,
                "tasks.data", Methods.CATALOG));

    assertThat(schema).contains("\"required\": [\"run\", \"rounds\", \"tasks\", \"model\"");
  }
}
