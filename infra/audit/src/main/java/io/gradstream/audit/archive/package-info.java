/**
 * A run's log as files: raw records for the audit, tables for people.
 *
 * <pre>
 * archive.json                                     what is here, with the SHA-256 of every file
 * records/TOPIC/PARTITION/FIRST-OFFSET.segment     raw records
 * tables/NAME.parquet                              contributions, rounds, verdicts, losses, ...
 * </pre>
 */
@NullMarked
package io.gradstream.audit.archive;

import org.jspecify.annotations.NullMarked;
