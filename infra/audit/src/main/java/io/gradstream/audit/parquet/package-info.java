/**
 * Flat tables as Parquet files, for DuckDB, pandas and whoever else reads the format.
 *
 * <p>Written here on top of Apache Parquet's own metadata classes alone. Its writer needs Hadoop's
 * classes at run time, some fifty megabytes of them, for what are four plain tables.
 */
@NullMarked
package io.gradstream.audit.parquet;

import org.jspecify.annotations.NullMarked;
