package io.gradstream.proto.spec;

/**
 * Where a value was written.
 *
 * @param text what a message starts with: {@code infra/runs/x.yaml:12} or {@code --set
 *     resolver.method=sum}
 * @param override whether it came from the command line and not from the file
 */
record Location(String text, boolean override) {
  static Location line(String source, int line) {
    return new Location(source + ":" + line, false);
  }

  static Location set(String assignment) {
    return new Location("--set " + assignment, true);
  }
}
