package io.gradstream.audit.parquet;

/**
 * A column of a table; every column may have empty cells.
 *
 * @param name unique in its table
 * @param kind what its cells hold
 */
public record Column(String name, Kind kind) {
  /** What a cell holds, and as which Java type it is handed over. */
  public enum Kind {
    /** {@link Long} or {@link Integer}. */
    INTEGER,
    /** {@link Double}. */
    NUMBER,
    /** {@link Boolean}. */
    FLAG,
    /** {@link String}. */
    TEXT,
    /** {@link Long}, milliseconds since 1970 in UTC. */
    TIME
  }

  public static Column integer(String name) {
    return new Column(name, Kind.INTEGER);
  }

  public static Column number(String name) {
    return new Column(name, Kind.NUMBER);
  }

  public static Column flag(String name) {
    return new Column(name, Kind.FLAG);
  }

  public static Column text(String name) {
    return new Column(name, Kind.TEXT);
  }

  public static Column time(String name) {
    return new Column(name, Kind.TIME);
  }
}
