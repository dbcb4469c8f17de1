package io.gradstream.producer.worker;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gradstream.producer.model.TaskModel;
import io.gradstream.proto.UserError;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DevicesTest {
  @TempDir Path directory;

  private static List<String> parse(String text, int gpus) {
    return Devices.parse(text, () -> gpus).names();
  }

  @Test
  void readsOneSeveralOrAll() {
    assertThat(parse("cpu", 0)).containsExactly("cpu");
    assertThat(parse("gpu:3", 0)).containsExactly("gpu:3");
    assertThat(parse("gpu:1,gpu:0,cpu", 0)).containsExactly("gpu:1", "gpu:0", "cpu");
    assertThat(parse("gpu:all", 3)).containsExactly("gpu:0", "gpu:1", "gpu:2");
  }

  @Test
  void allOfNoneIsRefused() {
    assertThatThrownBy(() -> parse("gpu:all", 0))
        .isInstanceOf(UserError.class)
        .hasMessageStartingWith("--device: gpu:all: no GPU is seen here");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "gpu", "gpu0", "gpu:", "all", "cpu,", "gpu:1000", "tpu:0"})
  void otherNamesAreRefused(String text) {
    assertThatThrownBy(() -> parse(text, 1))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("is not possible; cpu, gpu:0, gpu:1, ..., or gpu:all");
  }

  @Test
  void torchsNameIsExplained() {
    assertThatThrownBy(() -> parse("cuda:0", 1))
        .hasMessageEndingWith("what PyTorch calls cuda:0 is gpu:0 here");
  }

  @Test
  void countsWhatTheDriverListsAndTheEnvironmentShows() throws IOException {
    assertThat(Devices.gpus(directory.resolve("none"), null)).isZero();
    for (final String gpu : List.of("0000:01:00.0", "0000:02:00.0", "0000:03:00.0")) {
      Files.createDirectory(directory.resolve(gpu));
    }
    assertThat(Devices.gpus(directory, null)).isEqualTo(3);
    assertThat(Devices.gpus(directory, "2,0")).isEqualTo(2);
    assertThat(Devices.gpus(directory, "")).isZero();
    assertThat(Devices.gpus(directory, "-1")).isZero();
    assertThat(Devices.gpus(directory, "1,-1,2")).isEqualTo(1);
    assertThat(Devices.gpus(directory, "0,1,2,3,4")).isEqualTo(3);
  }

  @Test
  void workersGetTheDevicesInTurnAndEachIsPreparedOnce() {
    final var prepared = new ArrayList<String>();
    final Supplier<TaskModel> models =
        new Devices(List.of("gpu:0", "gpu:1", "gpu:0"))
            .deal(
                device -> {
                  prepared.add(device);
                  return () -> on(device);
                });

    assertThat(Stream.generate(models).limit(5).map(TaskModel::device))
        .containsExactly("gpu:0", "gpu:1", "gpu:0", "gpu:0", "gpu:1");
    assertThat(prepared).containsExactly("gpu:0", "gpu:1");
  }

  /** A model that knows its device and nothing else. */
  private static TaskModel on(String device) {
    return (TaskModel)
        Proxy.newProxyInstance(
            TaskModel.class.getClassLoader(),
            new Class<?>[] {TaskModel.class},
            (proxy, method, arguments) -> device);
  }
}
