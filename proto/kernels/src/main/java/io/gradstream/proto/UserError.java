package io.gradstream.proto;

/**
 * A mistake of the person who runs Gradstream: a wrong spec, option, file or address.
 *
 * <p>The message is one line that says what is wrong, where, and what to do. The command line
 * prints it and exits with code 2; nobody prints its stack trace.
 */
public final class UserError extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public UserError(String message) {
    super(message);
  }

  public UserError(String message, Throwable cause) {
    super(message, cause);
  }
}
