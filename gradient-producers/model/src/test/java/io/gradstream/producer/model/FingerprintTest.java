package io.gradstream.producer.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.gradstream.producer.model.torch.TorchArithmetic;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What fingerprints depend on. */
class FingerprintTest {
  /** The same numbers in the same steps, in a process of its own. */
  static final class Elsewhere {
    private Elsewhere() {}

    public static void main(String[] threads) {
      System.out.println(TorchArithmetic.fingerprint("cpu", Integer.parseInt(threads[0])));
      System.out.println(JavaArithmetic.fingerprint());
    }
  }

  @Test
  void everyProcessOfAMachineHasTheSameAndThreadsCountWhereTheyChangeBits() throws Exception {
    final Process same = start(1);
    final Process other = start(2);
    final Fingerprint here = TorchArithmetic.fingerprint("cpu", 1);
    final String java = JavaArithmetic.fingerprint().toString();

    assertThat(TorchArithmetic.fingerprint("cpu", 1)).isEqualTo(here);
    assertThat(linesOf(same)).containsExactly(here.toString(), java);
    assertThat(linesOf(other)).hasSize(2).doesNotContain(here.toString()).contains(java);
  }

  /**
   * Fixed for all machines: gradients of analytic models are computed in Java alone. The other
   * processes have none of the platform's own mathematics, either.
   */
  @Test
  void javaHasOneFingerprintEverywhere() {
    assertThat(JavaArithmetic.fingerprint()).hasToString("52f5610f8d6c5b61");
  }

  @Test
  void eachStepHasAValueOfItsOwnAndOneBitChangesTheWhole() {
    final Fingerprint one =
        Fingerprint.begin().step("a", List.of(new float[] {1, 2})).step("b", values(3)).end();
    final Fingerprint other =
        Fingerprint.begin()
            .step("a", List.of(new float[] {1, 2}))
            .step("b", values(Math.nextUp(3f)))
            .end();

    assertThat(one.value()).isNotEqualTo(other.value());
    assertThat(one.steps().getFirst()).isEqualTo(other.steps().getFirst());
    assertThat(one.steps().getLast()).isNotEqualTo(other.steps().getLast());
    assertThat(one.toString()).matches("[0-9a-f]{16}");
  }

  private static List<float[]> values(float value) {
    return List.of(new float[] {value});
  }

  private static Process start(int threads) throws Exception {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--enable-native-access=ALL-UNNAMED",
            "-XX:+UnlockDiagnosticVMOptions",
            "-XX:-UseLibmIntrinsic",
            "-cp",
            System.getProperty("java.class.path"),
            Elsewhere.class.getName(),
            Integer.toString(threads))
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
  }

  private static List<String> linesOf(Process process) throws Exception {
    final String output =
        new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(output).isZero();
    return output.lines().toList();
  }
}
