/**
 * Errors that every module may throw. They stand in the lowest module, which all others import; the
 * other packages of {@code proto} have names of their own below this one.
 */
@NullMarked
package io.gradstream.proto;

import org.jspecify.annotations.NullMarked;
