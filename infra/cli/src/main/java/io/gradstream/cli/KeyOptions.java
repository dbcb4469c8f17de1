package io.gradstream.cli;

import io.gradstream.proto.UserError;
import io.gradstream.proto.evidence.Signer;
import io.gradstream.proto.spec.ListedKey.Role;
import io.gradstream.proto.spec.RunSpec;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import picocli.CommandLine.Option;

/** The keys with which the services of a process sign. */
final class KeyOptions {
  @Option(
      names = "--key",
      paramLabel = "FILE",
      description = {
        "The private key of the service, where the run spec lists keys;",
        "to be repeated where several services work in one process."
      })
  private List<Path> files = List.of();

  /**
   * The signers of the roles that work in this process; a role for which the spec lists no key has
   * no signer.
   *
   * @throws UserError if a role's key is not given, or a given one is no role's
   */
  Map<Role, Signer> signers(RunSpec spec, Role... roles) {
    final var signers = new EnumMap<Role, Signer>(Role.class);
    for (final Path file : files) {
      final List<Signer> found =
          Stream.of(roles)
              .map(role -> Signer.find(file, spec, role))
              .flatMap(Optional::stream)
              .toList();
      if (found.isEmpty()) {
        throw notListed(file, spec, roles);
      }
      found.forEach(signer -> signers.putIfAbsent(signer.role(), signer));
    }
    for (final Role role : roles) {
      Signer.requireFor(spec, role, signers.get(role));
    }
    return signers;
  }

  private static UserError notListed(Path file, RunSpec spec, Role... roles) {
    final List<String> known =
        Stream.of(roles)
            .flatMap(role -> spec.keys(role).stream())
            .map(key -> key.role().key() + " " + key.name())
            .toList();
    final String works = String.join(" or ", Stream.of(roles).map(Role::key).toList());
    return new UserError(
        known.isEmpty()
            ? "--key: run %s lists no key of a %s; leave it out".formatted(spec.run(), works)
            : "--key: run %s lists no %s with the key in %s; it knows %s"
                .formatted(spec.run(), works, file, String.join(", ", known)));
  }
}
