/** What an audit finds. */
@NullMarked
package io.gradstream.audit.check;

import org.jspecify.annotations.NullMarked;
