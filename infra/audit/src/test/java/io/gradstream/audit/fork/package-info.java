@NullMarked
package io.gradstream.audit.fork;

import org.jspecify.annotations.NullMarked;
