/** Where methods end on the toy landscape. */
@NullMarked
package io.gradstream.cli.toy;

import org.jspecify.annotations.NullMarked;
