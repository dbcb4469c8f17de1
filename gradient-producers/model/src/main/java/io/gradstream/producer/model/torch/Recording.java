package io.gradstream.producer.model.torch;

import ai.djl.pytorch.jni.JniUtils;

/**
 * Whether this thread's tensor operations are recorded for a backward pass, until closed. The
 * switch belongs to the thread; torch's default differs between the thread that loaded the engine
 * and others, so every computation says what it wants.
 */
public final class Recording implements AutoCloseable {
  private final boolean before = JniUtils.isGradMode();

  private Recording(boolean on) {
    JniUtils.setGradMode(on);
  }

  public static Recording on() {
    return new Recording(true);
  }

  public static Recording off() {
    return new Recording(false);
  }

  @Override
  public void close() {
    JniUtils.setGradMode(before);
  }
}
