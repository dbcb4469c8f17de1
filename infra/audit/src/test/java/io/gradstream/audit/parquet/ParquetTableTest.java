package io.gradstream.audit.parquet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.IOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is written is read by DuckDB, which knows nothing of us. */
class ParquetTableTest {
  private static Connection duckdb;

  @TempDir private Path directory;

  @BeforeAll
  static void open() throws SQLException {
    duckdb = DriverManager.getConnection("jdbc:duckdb:");
  }

  @AfterAll
  static void close() throws SQLException {
    duckdb.close();
  }

  @Test
  void everyKindOfCellComesBack() throws IOException, SQLException {
    final Path file = directory.resolve("kinds.parquet");
    try (var table =
        ParquetTable.create(
            file,
            List.of(
                Column.integer("round"),
                Column.number("loss"),
                Column.flag("forced"),
                Column.text("task"),
                Column.time("time")))) {
      table.add(Long.MAX_VALUE, -1.5, true, "größer", 1_700_000_000_000L);
      table.add(null, null, null, null, null);
      table.add(3, Double.NEGATIVE_INFINITY, false, "", 0L);
    }

    assertThat(
            rows("SELECT round, loss, forced, task, epoch_ms(time), typeof(time) FROM '%s'", file))
        .containsExactly(
            row(Long.MAX_VALUE, -1.5, true, "größer", 1_700_000_000_000L, "TIMESTAMP"),
            row(null, null, null, null, null, "TIMESTAMP"),
            row(3L, Double.NEGATIVE_INFINITY, false, "", 0L, "TIMESTAMP"));
  }

  @Test
  void rowsOfSeveralGroupsKeepTheirOrder() throws IOException, SQLException {
    final Path file = directory.resolve("groups.parquet");
    try (var table = ParquetTable.create(file, List.of(Column.integer("n"), Column.flag("even")))) {
      for (int n = 0; n < 250_001; n++) {
        table.add(n, n % 7 == 0 ? null : n % 2 == 0);
      }
      assertThat(table.rows()).isEqualTo(250_001);
    }

    assertThat(
            rows(
                "SELECT count(*), count(even), count(DISTINCT n), max(n),"
                    + " count(*) FILTER (even = (n %% 2 = 0)), count(*) FILTER (n = file_row_number)"
                    + " FROM read_parquet('%s', file_row_number = true)",
                file))
        .containsExactly(row(250_001L, 214_286L, 250_001L, 250_000L, 214_286L, 250_001L));
    assertThat(rows("SELECT count(DISTINCT row_group_id) > 1 FROM parquet_metadata('%s')", file))
        .containsExactly(row(true));
  }

  @Test
  void anEmptyTableHasItsColumns() throws IOException, SQLException {
    final Path file = directory.resolve("empty.parquet");
    ParquetTable.create(file, List.of(Column.text("task"))).close();

    assertThat(rows("SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM '%s')", file))
        .containsExactly(row("task", "VARCHAR"));
    assertThat(rows("SELECT count(*) FROM '%s'", file)).containsExactly(row(0L));
  }

  @Test
  void aRowOfAnotherWidthIsRefused() throws IOException {
    try (var table =
        ParquetTable.create(directory.resolve("width.parquet"), List.of(Column.text("task")))) {
      assertThatIllegalArgumentException().isThrownBy(() -> table.add("l1", 2L));
    }
  }

  private static List<@Nullable Object> row(@Nullable Object... cells) {
    final var row = new ArrayList<@Nullable Object>();
    row.addAll(Arrays.asList(cells));
    return row;
  }

  private static List<List<@Nullable Object>> rows(String query, Path file) throws SQLException {
    final var rows = new ArrayList<List<@Nullable Object>>();
    try (Statement statement = duckdb.createStatement();
        ResultSet result = statement.executeQuery(query.formatted(file))) {
      while (result.next()) {
        final var row = new ArrayList<@Nullable Object>();
        for (int i = 1; i <= result.getMetaData().getColumnCount(); i++) {
          row.add(result.getObject(i));
        }
        rows.add(row);
      }
    }
    return rows;
  }
}
