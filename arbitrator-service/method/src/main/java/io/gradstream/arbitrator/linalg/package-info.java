/** Small dense linear algebra, one row a task: what the methods solve their problems with. */
@NullMarked
package io.gradstream.arbitrator.linalg;

import org.jspecify.annotations.NullMarked;
