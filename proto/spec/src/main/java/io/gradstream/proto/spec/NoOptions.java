package io.gradstream.proto.spec;

/** The options of a method that has none. */
public record NoOptions() {}
