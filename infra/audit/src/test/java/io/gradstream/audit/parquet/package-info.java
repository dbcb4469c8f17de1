/** Tests of the tables: DuckDB reads what is written. */
@NullMarked
package io.gradstream.audit.parquet;

import org.jspecify.annotations.NullMarked;
