package io.gradstream.proto.evidence;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.gradstream.proto.UserError;
import io.gradstream.proto.spec.RunSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SignersTest {
  private static final ByteString DIGEST = Digests.of(ByteString.copyFromUtf8("a gradient"));

  @TempDir Path directory;

  private Path alice;
  private Path bob;
  private RunSpec spec;

  @BeforeEach
  void list() {
    alice = directory.resolve("alice.key");
    bob = directory.resolve("bob.key");
    spec =
        spec(
            "keys: [{worker: alice, public-key: %s}, {worker: bob, public-key: %s, tasks: [b]}]"
                .formatted(Signer.generate(alice), Signer.generate(bob)));
  }

  private static RunSpec spec(String keys) {
    return RunSpec.parse(
        """
        run: r
        rounds: 3
        tasks: [{name: a, loss: quadratic}, {name: b, loss: quadratic}]
        model: {type: toy}
        resolver: sum
        optimizer: {type: sgd, learning-rate: 1e-3}
        %s
        """
            .formatted(keys),
        "x.yaml",
        List.of());
  }

  @Test
  void aSignatureOfTheListedWorkerIsTaken() {
    final Signer signer = Signer.read(alice, spec);

    assertThat(signer.worker()).isEqualTo("alice");
    assertThatCode(() -> check("alice/3", "a", signer.sign(DIGEST))).doesNotThrowAnyException();
  }

  @Test
  void aKeyFileIsItsOwnersAlone() throws IOException {
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(alice)))
        .isEqualTo("rw-------");
    assertThatThrownBy(() -> Signer.generate(alice))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("a key must not be lost");
  }

  @Test
  void othersAreRefused() {
    final ByteString signature = Signer.read(bob, spec).sign(DIGEST);

    assertThatThrownBy(() -> check("alice/0", "a", signature))
        .hasMessage("signature is not that of worker alice/0");
    assertThatThrownBy(() -> check("alice/0", "a", ByteString.EMPTY))
        .hasMessage("not signed by worker alice/0");
    assertThatThrownBy(() -> check("carol/0", "a", signature))
        .hasMessage("worker carol/0, whose key is not listed");
    assertThatThrownBy(() -> check("bob/0", "a", signature))
        .hasMessage("worker bob/0 may compute [b], not a");
  }

  private void check(String worker, String task, ByteString signature) throws Exception {
    Signers.of(spec).check(worker, task, DIGEST, signature);
  }

  @Test
  void aKeyThatIsNotListedIsAMistake() throws IOException {
    final Path other = directory.resolve("other.key");
    Signer.generate(other);

    assertThatThrownBy(() -> Signer.read(other, spec))
        .isInstanceOf(UserError.class)
        .hasMessage(other + ": run r does not list this key; it knows [alice, bob]");
    assertThatThrownBy(() -> Signer.read(Files.writeString(other, "no key"), spec))
        .isInstanceOf(UserError.class)
        .hasMessage(other + ": no private key in PEM; make one with: gradstream keys");
  }

  @Test
  void wrongKeysInASpecAreMistakes() {
    final String key = spec.keys().getFirst().publicKey();

    assertThatThrownBy(() -> spec("keys: [{worker: a, public-key: AAAA}]"))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("keys.0.public-key: \"AAAA\" is no Ed25519 public key");
    assertThatThrownBy(() -> spec("keys: [{worker: a/0, public-key: %s}]".formatted(key)))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("keys.0.worker: \"a/0\" is not allowed");
    assertThatThrownBy(() -> spec("keys: [{worker: a, public-key: %s, tasks: [c]}]".formatted(key)))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("keys.0.tasks: \"c\" is no task");
  }
}
