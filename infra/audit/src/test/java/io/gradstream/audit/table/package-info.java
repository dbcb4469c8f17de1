/** Tests of the tables: DuckDB reads what is written. */
@NullMarked
package io.gradstream.audit.table;

import org.jspecify.annotations.NullMarked;
