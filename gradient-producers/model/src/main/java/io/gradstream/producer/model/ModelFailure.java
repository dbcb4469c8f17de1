package io.gradstream.producer.model;

/**
 * A model could not compute something this time, for a reason that may pass: its process died, or
 * took too long. The model can be asked again; the slot is not computed.
 */
public final class ModelFailure extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * @param message what happened, as part of a sentence
   */
  public ModelFailure(String message, Throwable cause) {
    super(message, cause);
  }
}
