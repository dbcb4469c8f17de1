/** Tests of the archive: whole, damaged, incomplete. */
@NullMarked
package io.gradstream.audit.archive;

import org.jspecify.annotations.NullMarked;
