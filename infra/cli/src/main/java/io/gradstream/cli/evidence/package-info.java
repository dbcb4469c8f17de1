/** What an audit, an explanation and a lineage look like to a person and to a program. */
@NullMarked
package io.gradstream.cli.evidence;

import org.jspecify.annotations.NullMarked;
