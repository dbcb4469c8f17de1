package io.gradstream.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.gradstream.proto.UserError;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PlatformJarsTest {
  private final PlatformJars jars = PlatformJars.of("Linux", "amd64");

  @TempDir Path directory;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "librocksdbjni-linux64.so",
        "linux/amd64/libzstd-jni-1.5.7-17.so",
        "org/xerial/snappy/native/Linux/x86_64/libsnappyjava.so",
        "com/sun/jna/linux-x86-64/libjnidispatch.so",
        "ai/onnxruntime/native/linux-x64/libonnxruntime.so",
        "jnilib/linux-x86_64/cpu/libdjl_torch.so",
        "io/gradstream/cli/Main.class",
        "META-INF/services/org.slf4j.spi.SLF4JServiceProvider"
      })
  void whatThisMachineUsesIsKept(String name) {
    assertThat(jars.isForeign(name)).isFalse();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "librocksdbjni-linux64-musl.so",
        "librocksdbjni-linux-aarch64.so",
        "librocksdbjni-osx-x86_64.jnilib",
        "librocksdbjni-win64.dll",
        "linux/ppc64/libzstd-jni-1.5.7-17.so",
        "darwin/x86_64/libzstd-jni-1.5.7-17.dylib",
        "ai/onnxruntime/native/win-x64/onnxruntime.dll",
        "ai/onnxruntime/native/linux-aarch64/libonnxruntime.so",
        "com/sun/jna/aix-ppc64/libjnidispatch.a"
      })
  void librariesOfOtherMachinesAreLeftOut(String name) {
    assertThat(jars.isForeign(name)).isTrue();
  }

  @Test
  void aJarIsCopiedWithoutCompressionAndSignatures() throws IOException {
    final Path jar = directory.resolve("some.jar");
    try (var out = new ZipOutputStream(Files.newOutputStream(jar))) {
      for (final String name :
          new String[] {"META-INF/MANIFEST.MF", "META-INF/SOME.SF", "a/B.class", "win/x.dll"}) {
        out.putNextEntry(new ZipEntry(name));
        out.write("content ".repeat(100).getBytes(StandardCharsets.UTF_8));
        out.closeEntry();
      }
    }
    final Path lib = Files.createDirectory(directory.resolve("lib"));

    jars.copy(jar, lib);
    jars.copy(Files.createFile(directory.resolve("pytorch-native-cpu-2.7.1.jar")), lib);

    assertThat(lib).isDirectoryNotContaining("glob:**pytorch**");
    try (var copy = new ZipFile(lib.resolve("some.jar").toFile())) {
      assertThat(copy.stream().map(ZipEntry::getName))
          .containsExactly("META-INF/MANIFEST.MF", "a/B.class");
      assertThat(copy.stream().map(ZipEntry::getMethod)).containsOnly(ZipEntry.STORED);
    }
  }

  @Test
  void anotherSystemIsRefused() {
    assertThatThrownBy(() -> PlatformJars.of("Mac OS X", "aarch64"))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("this is Mac OS X, aarch64");
  }
}
