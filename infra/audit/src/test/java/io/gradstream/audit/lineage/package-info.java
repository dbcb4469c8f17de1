/** Where weights come from. */
@NullMarked
package io.gradstream.audit.lineage;

import org.jspecify.annotations.NullMarked;
