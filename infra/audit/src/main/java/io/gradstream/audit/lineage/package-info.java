/** Where a round's decision and a version of the weights come from. */
@NullMarked
package io.gradstream.audit.lineage;

import org.jspecify.annotations.NullMarked;
