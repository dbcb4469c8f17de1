package io.gradstream.audit.archive;

import io.gradstream.audit.parquet.Column;
import java.util.List;
import java.util.Map;

/**
 * What the tables of an archive tell, column by column.
 *
 * <ul>
 *   <li>{@code contributions}: one row for each gradient record on the log, whatever became of it
 *   <li>{@code rounds}: one row for each verdict
 *   <li>{@code verdicts}: one row for each pair of tasks that was arbitrated
 *   <li>{@code losses}: one row for each task of a round
 *   <li>{@code validations}: one row for each task of a validated weights version
 *   <li>{@code refused}: one row for each dead letter
 * </ul>
 */
final class TableColumns {
  static final Map<String, List<Column>> ALL =
      Map.of(
          "contributions",
          List.of(
              Column.integer("round"),
              Column.text("task"),
              Column.integer("slot"),
              Column.integer("shard"),
              Column.text("worker"),
              Column.integer("partition"),
              Column.integer("offset"),
              Column.time("time"),
              Column.integer("micro_batch"),
              Column.integer("samples"),
              Column.number("loss"),
              Column.number("norm"),
              Column.integer("compute_us"),
              Column.integer("bytes")),
          "rounds",
          List.of(
              Column.integer("round"),
              Column.time("time"),
              Column.text("resolver"),
              Column.flag("summed"),
              Column.integer("joint_rounds"),
              Column.number("smallest_cosine"),
              Column.integer("arbitrated"),
              Column.number("clip_factor"),
              Column.number("update_norm"),
              Column.text("fallback")),
          "verdicts",
          List.of(
              Column.integer("round"),
              Column.integer("place"),
              Column.text("first"),
              Column.text("second"),
              Column.number("cosine"),
              Column.text("zone"),
              Column.text("winner"),
              Column.number("first_score"),
              Column.number("second_score"),
              Column.flag("forced")),
          "losses",
          List.of(
              Column.integer("round"),
              Column.text("task"),
              Column.number("loss"),
              Column.number("norm"),
              Column.number("weight"),
              Column.number("slot_squared_mean"),
              Column.number("mean_squared")),
          "validations",
          List.of(
              Column.integer("version"),
              Column.text("task"),
              Column.number("loss"),
              Column.integer("samples")),
          "refused",
          List.of(
              Column.text("topic"),
              Column.integer("partition"),
              Column.integer("offset"),
              Column.text("reason"),
              Column.text("worker"),
              Column.integer("round"),
              Column.integer("slot"),
              Column.integer("shard")));

  private TableColumns() {}

  /** The names of all tables, in alphabetical order. */
  static List<String> names() {
    return ALL.keySet().stream().sorted().toList();
  }
}
