package io.gradstream.proto.evidence;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.gradstream.proto.UserError;
import io.gradstream.proto.spec.ListedKey.Role;
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
    final Signer signer = Signer.read(alice, spec, Role.WORKER);

    assertThat(signer.name()).isEqualTo("alice");
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
    final ByteString signature = Signer.read(bob, spec, Role.WORKER).sign(DIGEST);

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

    assertThatThrownBy(() -> Signer.read(other, spec, Role.WORKER))
        .isInstanceOf(UserError.class)
        .hasMessage(other + ": run r lists no worker with this key; it knows [alice, bob]");
    assertThatThrownBy(() -> Signer.read(Files.writeString(other, "no key"), spec, Role.WORKER))
        .isInstanceOf(UserError.class)
        .hasMessage(other + ": no private key in PEM; make one with: gradstream keys");
  }

  /** One key may have several roles; a role without a key takes what anybody sends. */
  @Test
  void eachRoleHasItsOwnKeys() throws Exception {
    final String key = spec.keys().getFirst().publicKey();
    final RunSpec servers = spec("keys: [{server: s, public-key: %s}]".formatted(key));

    assertThat(Signer.read(alice, servers, Role.SERVER).name()).isEqualTo("s");
    assertThat(Signer.find(alice, servers, Role.WORKER)).isEmpty();
    assertThatThrownBy(() -> Signer.read(alice, servers, Role.WORKER))
        .hasMessage(alice + ": run r lists no worker with this key; it knows []");
    assertThatCode(() -> Signers.of(servers).check("anybody/0", "a", DIGEST, ByteString.EMPTY))
        .doesNotThrowAnyException();
    assertThatThrownBy(() -> Signer.requireFor(servers, Role.SERVER, null))
        .isInstanceOf(UserError.class)
        .hasMessage("run r takes signed weights only; give the server's --key FILE");
    assertThat(RunSpec.parse(servers.text(), "again", List.of())).isEqualTo(servers);
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
    assertThatThrownBy(() -> spec("keys: [{public-key: %s}]".formatted(key)))
        .hasMessageContaining("keys.0.worker: missing; an entry names either a worker, a server");
    assertThatThrownBy(() -> spec("keys: [{worker: a, server: b, public-key: %s}]".formatted(key)))
        .hasMessageContaining("keys.0.server: one too many; an entry names either");
    assertThatThrownBy(() -> spec("keys: [{server: a, public-key: %s, tasks: [a]}]".formatted(key)))
        .hasMessageContaining("keys.0.tasks: only a worker's key can be limited to tasks");
    final String twice = "{evaluator: a, public-key: %s}".formatted(key);
    assertThatThrownBy(() -> spec("keys: [%s, %s]".formatted(twice, twice)))
        .hasMessageContaining("keys.1.evaluator: \"a\" is already the evaluator of keys.0");
  }
}
