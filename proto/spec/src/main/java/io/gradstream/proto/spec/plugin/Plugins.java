package io.gradstream.proto.spec.plugin;

import io.gradstream.proto.UserError;
import java.io.IOException;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.jar.Attributes;
import java.util.jar.JarFile;
import java.util.jar.Manifest;
import java.util.regex.Pattern;
import java.util.zip.ZipException;

/**
 * The plug-ins of this process: those of the jars that its command line names.
 *
 * <p>The command line loads them once, before it does anything else. Each jar has a class loader of
 * its own over Gradstream's, so that two jars may bring different versions of one library. Catalogs
 * ask here for the plug-ins of their kind.
 */
public final class Plugins {
  private static final String SERVICE = "META-INF/services/" + Plugin.class.getName();
  private static final Pattern NAME = Pattern.compile("[a-z0-9]+(-[a-z0-9]+)*");

  /** What the process was started with, as its system properties are. */
  private static volatile List<Loaded<?, ?>> loaded = List.of();

  /** A plug-in and the jar that it is from. */
  public record Loaded<R extends Record, F>(Plugin<R, F> plugin, PluginJar jar) {
    /** Key of the run spec and name, such as {@code resolver steepest}. */
    public String gives() {
      return plugin.section() + " " + plugin.name();
    }
  }

  private Plugins() {}

  /**
   * Loads the plug-ins of jars, in place of those that were loaded before.
   *
   * @throws UserError at the first jar that is none, names no plug-in, or has one that cannot be
   *     made
   */
  public static void load(List<Path> jars) {
    final var plugins = new ArrayList<Loaded<?, ?>>();
    final Set<Path> seen = new HashSet<>();
    for (final Path file : jars) {
      final PluginJar jar = PluginJar.of(file);
      if (!seen.add(file.toAbsolutePath().normalize())) {
        throw jar.error("is given twice");
      }
      plugins.addAll(load(jar));
    }
    loaded = List.copyOf(plugins);
  }

  /** All plug-ins, in the order of the command line. */
  public static List<Loaded<?, ?>> all() {
    return loaded;
  }

  /** The jars that the plug-ins are from, without repetition. */
  public static List<PluginJar> jars() {
    return loaded.stream().<PluginJar>map(Loaded::jar).distinct().toList();
  }

  /** The plug-ins of one kind, which is the interface that they implement. */
  public static List<Loaded<?, ?>> of(Class<?> kind) {
    return loaded.stream().filter(each -> kind.isInstance(each.plugin())).toList();
  }

  /** The plug-in that gives a name, if one does. */
  public static Optional<Loaded<?, ?>> giving(String section, String name) {
    return loaded.stream().filter(each -> each.gives().equals(section + " " + name)).findFirst();
  }

  private static List<Loaded<?, ?>> load(PluginJar jar) {
    try (var content = new JarFile(jar.file().toFile())) {
      requireAlone(jar, content);
      final var loader = new URLClassLoader(new URL[] {url(jar)}, Plugins.class.getClassLoader());
      References.require(jar, content, loader);
      return instances(jar, loader);
    } catch (ZipException e) {
      throw jar.error("is no jar", e);
    } catch (IOException e) {
      throw jar.error("cannot be read as a jar: " + e.getMessage(), e);
    }
  }

  /** What decides bits is in this file, whose digest is in the run's record, and nowhere else. */
  private static void requireAlone(PluginJar jar, JarFile content) throws IOException {
    if (content.getEntry(SERVICE) == null) {
      throw jar.error(
          "names no plug-in; it needs a file %s with the names of its classes".formatted(SERVICE));
    }
    final Manifest manifest = content.getManifest();
    if (manifest != null
        && manifest.getMainAttributes().getValue(Attributes.Name.CLASS_PATH) != null) {
      throw jar.error(
          "its manifest has a Class-Path, and a run's record has the digest of this one file; put what it needs into the jar");
    }
  }

  private static URL url(PluginJar jar) throws MalformedURLException {
    return jar.file().toUri().toURL();
  }

  private static List<Loaded<?, ?>> instances(PluginJar jar, ClassLoader loader) {
    final var instances = new ArrayList<Loaded<?, ?>>();
    try {
      for (final ServiceLoader.Provider<?> provider :
          ServiceLoader.load(Plugin.class, loader).stream().toList()) {
        if (loader.equals(provider.type().getClassLoader())) {
          instances.add(checked(new Loaded<>((Plugin<?, ?>) provider.get(), jar)));
        }
      }
    } catch (ServiceConfigurationError e) {
      throw jar.error(reason(e), e);
    } catch (UnsupportedClassVersionError e) {
      throw jar.error("was compiled for a newer Java than this one: " + e.getMessage(), e);
    } catch (LinkageError e) {
      throw jar.otherVersion(e);
    }
    if (instances.isEmpty()) {
      throw jar.error("names no plug-in in its file " + SERVICE);
    }
    return instances;
  }

  /** The service loader's reason without the service's name, and what the constructor threw. */
  private static String reason(ServiceConfigurationError error) {
    final String message = String.valueOf(error.getMessage());
    final String prefix = Plugin.class.getName() + ": ";
    final String reason = message.startsWith(prefix) ? message.substring(prefix.length()) : message;
    return error.getCause() == null ? reason : reason + ": " + text(error.getCause());
  }

  private static Loaded<?, ?> checked(Loaded<?, ?> loaded) {
    final Plugin<?, ?> plugin = loaded.plugin();
    final String type = plugin.getClass().getName();
    final String name;
    try {
      name = plugin.name();
      if (plugin.description() == null || plugin.options() == null || plugin.section() == null) {
        throw loaded.jar().error(type + " gives no description, options or section");
      }
    } catch (UserError e) {
      throw e;
    } catch (RuntimeException e) {
      throw loaded.jar().error("%s does not say what it is: %s".formatted(type, text(e)), e);
    }
    if (name == null || !NAME.matcher(name).matches()) {
      throw loaded
          .jar()
          .error("%s: \"%s\" is no name; small letters, digits and hyphens".formatted(type, name));
    }
    return loaded;
  }

  private static String text(Throwable e) {
    final String message = e.getMessage() == null ? "" : ": " + e.getMessage();
    return (e.getClass().getSimpleName() + message).lines().findFirst().orElse("");
  }
}
