package io.gradstream.proto.spec;

/** Which parameters conflicts are resolved on. */
public enum Scope {
  /** The shared ones; a task's own parameters take that task's gradient as it is. */
  SHARED,
  /** All, as if every parameter were shared. */
  ALL
}
