/** What resolvers promise, on thousands of random rounds. */
@NullMarked
package io.gradstream.arbitrator.resolver;

import org.jspecify.annotations.NullMarked;
