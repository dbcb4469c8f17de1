package io.gradstream.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.StringWriter;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;

/** Compiles sources against the classes of this build and packs them as plug-ins are packed. */
public final class PluginJars {
  /** Where a jar names its plug-ins. */
  public static final String SERVICES = "META-INF/services/io.gradstream.proto.spec.plugin.Plugin";

  private static final Pattern TYPE =
      Pattern.compile("(?s)package ([\\w.]+);.*?\\b(?:class|interface|record) (\\w+)");

  private PluginJars() {}

  /**
   * Compiles sources into a folder.
   *
   * @return the folder
   */
  public static Path compile(Path directory, String... sources) throws IOException {
    final Path classes = Files.createTempDirectory(directory, "classes");
    final List<JavaFileObject> units = new ArrayList<>();
    for (final String source : sources) {
      units.add(unit(source));
    }
    final var messages = new StringWriter();
    final boolean isCompiled =
        ToolProvider.getSystemJavaCompiler()
            .getTask(
                messages,
                null,
                null,
                List.of(
                    "-proc:none",
                    "-d",
                    classes.toString(),
                    "-cp",
                    classes + ":" + System.getProperty("java.class.path")),
                null,
                units)
            .call();
    if (!isCompiled) {
      throw new IllegalArgumentException(messages.toString());
    }
    return classes;
  }

  private static JavaFileObject unit(String source) {
    final Matcher type = TYPE.matcher(source);
    if (!type.find()) {
      throw new IllegalArgumentException("no type in: " + source);
    }
    final String path = type.group(1).replace('.', '/') + "/" + type.group(2) + ".java";
    return new SimpleJavaFileObject(URI.create("string:///" + path), JavaFileObject.Kind.SOURCE) {
      @Override
      public CharSequence getCharContent(boolean ignoreEncodingErrors) {
        return source;
      }
    };
  }

  /** Packs a folder's files and some texts as a jar, with the same bytes each time. */
  public static Path pack(Path jar, Path classes, Map<String, String> texts) throws IOException {
    try (var out = new JarOutputStream(Files.newOutputStream(jar));
        Stream<Path> files = Files.walk(classes)) {
      for (final Path file : files.filter(Files::isRegularFile).sorted().toList()) {
        add(out, classes.relativize(file).toString(), Files.readAllBytes(file));
      }
      for (final Map.Entry<String, String> text : new TreeMap<>(texts).entrySet()) {
        add(out, text.getKey(), text.getValue().getBytes(UTF_8));
      }
    }
    return jar;
  }

  private static void add(JarOutputStream out, String name, byte[] content) throws IOException {
    final var entry = new JarEntry(name);
    entry.setTime(0);
    out.putNextEntry(entry);
    out.write(content);
  }
}
