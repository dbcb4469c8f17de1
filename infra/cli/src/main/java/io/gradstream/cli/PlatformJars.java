package io.gradstream.cli;

import io.gradstream.proto.UserError;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Enumeration;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;

/**
 * Copies jars without the native libraries of other machines, and without compression: what is
 * packed again afterwards becomes smaller so.
 */
final class PlatformJars {
  private static final Pattern NATIVE =
      Pattern.compile(".*\\.(so|dll|dylib|jnilib|a|lib|exe|pdb)(\\.\\d+)*");
  private static final Pattern SIGNATURE = Pattern.compile("META-INF/[^/]*\\.(SF|RSA|DSA|EC)");

  /** PyTorch is 110 MB of libraries; the way to a PyTorch that is installed stays. */
  private static final String TORCH = "pytorch-native-";

  private final String processor;
  private final Pattern own;

  private PlatformJars(String processor, Pattern own) {
    this.processor = processor;
    this.own = own;
  }

  /**
   * @throws UserError if this is no machine that bundles are made for
   */
  static PlatformJars ofThisMachine() {
    return of(System.getProperty("os.name"), System.getProperty("os.arch"));
  }

  static PlatformJars of(String system, String processor) {
    final List<String> names =
        switch (processor.toLowerCase(Locale.ROOT)) {
          case "amd64", "x86_64" -> List.of("amd64", "x86_64", "x86-64", "linux-x64", "linux64");
          case "aarch64", "arm64" -> List.of("aarch64", "arm64");
          default -> List.of();
        };
    if (!system.equals("Linux") || names.isEmpty()) {
      throw new UserError(
          "bundle: made on Linux with x86-64 or ARM alone, for machines of the same kind; this is %s, %s"
              .formatted(system, processor));
    }
    return new PlatformJars(
        processor, Pattern.compile("(?=.*linux).*(" + String.join("|", names) + ").*"));
  }

  /** Such as {@code Linux amd64}. */
  String platform() {
    return "Linux " + processor;
  }

  /** Copies a jar, or a directory of classes as a jar; leaves PyTorch's libraries out. */
  void copy(Path entry, Path directory) throws IOException {
    if (entry.getFileName().toString().startsWith(TORCH) || !Files.exists(entry)) {
      return;
    }
    final Path target = directory.resolve(nameOf(entry));
    if (Files.exists(target)) {
      throw new UserError("bundle: the class path has %s twice".formatted(target.getFileName()));
    }
    try (var out = new ZipOutputStream(Files.newOutputStream(target))) {
      if (Files.isDirectory(entry)) {
        copyClasses(entry, out);
      } else {
        copyJar(entry, out);
      }
    }
  }

  /** Directories of classes are called {@code <module>/target/classes}. */
  private static String nameOf(Path entry) {
    return Files.isDirectory(entry)
        ? "gradstream-" + entry.toAbsolutePath().resolve("../..").normalize().getFileName() + ".jar"
        : entry.getFileName().toString();
  }

  private void copyJar(Path jar, ZipOutputStream out) throws IOException {
    try (var in = new ZipFile(jar.toFile())) {
      for (final Enumeration<? extends ZipEntry> all = in.entries(); all.hasMoreElements(); ) {
        final ZipEntry each = all.nextElement();
        if (!isForeign(each.getName()) && !SIGNATURE.matcher(each.getName()).matches()) {
          put(each.getName(), in.getInputStream(each).readAllBytes(), out);
        }
      }
    }
  }

  private static void copyClasses(Path directory, ZipOutputStream out) throws IOException {
    final List<Path> files;
    try (Stream<Path> all = Files.walk(directory)) {
      files = all.filter(Files::isRegularFile).sorted().toList();
    }
    for (final Path each : files) {
      put(directory.relativize(each).toString(), Files.readAllBytes(each), out);
    }
  }

  private static void put(String name, byte[] bytes, ZipOutputStream out) throws IOException {
    final var entry = new ZipEntry(name);
    final var crc = new CRC32();
    crc.update(bytes);
    entry.setMethod(ZipEntry.STORED);
    entry.setSize(bytes.length);
    entry.setCrc(crc.getValue());
    entry.setTime(0);
    out.putNextEntry(entry);
    ((OutputStream) out).write(bytes);
    out.closeEntry();
  }

  /** Whether a file of a jar is a native library of another kind of machine. */
  boolean isForeign(String name) {
    final String lower = name.toLowerCase(Locale.ROOT);
    return NATIVE.matcher(lower).matches()
        && (lower.contains("musl") || !own.matcher(lower).matches());
  }
}
