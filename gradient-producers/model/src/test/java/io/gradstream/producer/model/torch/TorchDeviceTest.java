package io.gradstream.producer.model.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Device;
import io.gradstream.proto.UserError;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Names of devices in run specs and on the log, and DJL's own. */
class TorchDeviceTest {
  @Test
  void everyNameOfASpecIsADeviceOfTheEngine() {
    assertThat(TorchEngine.device("cpu")).isEqualTo(Device.cpu());
    assertThat(TorchEngine.device("gpu:0")).isEqualTo(Device.gpu(0));
    assertThat(TorchEngine.device("gpu:12")).isEqualTo(Device.gpu(12));
  }

  @ParameterizedTest
  @ValueSource(strings = {"cpu", "gpu:0", "gpu:12"})
  void theNameComesBack(String name) {
    assertThat(TorchEngine.nameOf(TorchEngine.device(name))).isEqualTo(name);
  }

  @ParameterizedTest
  @ValueSource(strings = {"gpu", "gpu0", "cuda:0", "gpu:-1", "gpu:9999", "tpu"})
  void otherNamesAreRefused(String name) {
    assertThatThrownBy(() -> TorchEngine.device(name))
        .isInstanceOf(UserError.class)
        .hasMessage("device " + name + ": cpu, gpu:0, gpu:1, ... are possible");
  }
}
