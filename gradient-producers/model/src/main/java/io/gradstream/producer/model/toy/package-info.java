/** The analytic model: exact, fast, without an engine. */
@NullMarked
package io.gradstream.producer.model.toy;

import org.jspecify.annotations.NullMarked;
