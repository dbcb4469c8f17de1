package io.gradstream.cli;

import io.gradstream.producer.worker.WorkerIdentity;
import io.gradstream.proto.UserError;
import io.gradstream.proto.evidence.Signer;
import io.gradstream.proto.spec.RunSpec;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** As whom workers work. */
final class KeyOptions {
  @Option(
      names = "--key",
      paramLabel = "FILE",
      description = "The workers' private key, where the run spec lists keys.")
  private @Nullable Path key;

  /**
   * Who the workers are.
   *
   * @throws UserError if the run asks for a key that is not given or not listed
   */
  WorkerIdentity identity(RunSpec spec) {
    if (spec.keys().isEmpty()) {
      if (key != null) {
        throw new UserError("--key: run " + spec.run() + " lists no keys; leave it out");
      }
      return WorkerIdentity.ofProcess();
    }
    if (key == null) {
      throw new UserError(
          "run " + spec.run() + " takes signed gradients only; give the worker's --key FILE");
    }
    return WorkerIdentity.of(Signer.read(key, spec));
  }
}
