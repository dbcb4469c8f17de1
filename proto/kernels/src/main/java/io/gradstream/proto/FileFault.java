package io.gradstream.proto;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import org.jspecify.annotations.Nullable;

/** What is wrong with a file, in words for the person who named it. */
public final class FileFault {
  private FileFault() {}

  /**
   * Such as "no such file" or "permission denied", to be read after the file's name and a colon.
   * The exceptions themselves mostly repeat the name.
   */
  public static String of(IOException fault) {
    return switch (fault) {
      case NoSuchFileException e -> "no such file";
      case AccessDeniedException e -> "permission denied";
      case FileAlreadyExistsException e -> "something is there already";
      case NotDirectoryException e -> "not a directory";
      case FileSystemException e when e.getReason() != null -> inLowerCase(e.getReason());
      default -> inLowerCase(fault.getMessage());
    };
  }

  private static String inLowerCase(@Nullable String reason) {
    return reason == null || reason.isEmpty()
        ? "not readable or writable"
        : Character.toLowerCase(reason.charAt(0)) + reason.substring(1);
  }
}
