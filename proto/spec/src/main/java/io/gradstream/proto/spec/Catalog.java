package io.gradstream.proto.spec;

import io.gradstream.proto.UserError;
import io.gradstream.proto.spec.plugin.Plugin;
import io.gradstream.proto.spec.plugin.PluginJar;
import io.gradstream.proto.spec.plugin.Plugins;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The one visible place where everything of a kind (resolvers, models, losses, ...) is registered:
 * name, options, one line of documentation, and how to make it.
 *
 * <pre>{@code
 * static final Catalog<Resolver> CATALOG =
 *     Catalog.<Resolver>of("resolver")
 *         .with("sum", NoOptions.class, "the plain weighted sum", options -> new Sum())
 *         .with("cagrad", CaGrad.Options.class, "CAGrad (Liu et al. 2021)", CaGrad::new);
 * }</pre>
 *
 * <p>What is made may itself be a function where more than the options is needed: {@code
 * Catalog<Function<RunSpec, TaskModel>>}. Immutable; where a kind is {@link #open}, what the
 * plug-ins of this process give comes after our own.
 *
 * @param <F> the type that a section creates
 */
public final class Catalog<F> {
  private record Entry<R extends Record, F>(
      Class<R> options,
      String doc,
      Function<? super R, ? extends F> factory,
      @Nullable PluginJar jar) {
    static <R extends Record, F> Entry<R, F> of(Plugin<R, F> plugin, PluginJar jar) {
      return new Entry<>(plugin.options(), plugin.description(), plugin::create, jar);
    }

    F create(Section section) {
      final var bound = section.bind(options);
      try {
        return factory.apply(bound);
      } catch (IllegalArgumentException refused) {
        throw section.locate(refused);
      } catch (LinkageError e) {
        if (jar == null) {
          throw e;
        }
        throw jar.otherVersion(e);
      }
    }

    Entry<R, Object> widened() {
      return new Entry<>(options, doc, factory, jar);
    }
  }

  private final String what;
  private final Map<String, Entry<?, F>> own;
  private final @Nullable Class<?> plugins;

  private Catalog(String what, Map<String, Entry<?, F>> own, @Nullable Class<?> plugins) {
    this.what = what;
    this.own = Collections.unmodifiableMap(own);
    this.plugins = plugins;
  }

  /**
   * An empty catalog.
   *
   * @param what the kind in singular, as messages name it: "resolver", "data source"
   */
  public static <F> Catalog<F> of(String what) {
    return new Catalog<>(what, new LinkedHashMap<>(), null);
  }

  /**
   * This catalog with one more entry.
   *
   * @param doc one line, as {@code gradstream methods} and editors show it
   * @param factory may throw {@link SpecError} or IllegalArgumentException, which is located
   */
  public <R extends Record> Catalog<F> with(
      String name, Class<R> options, String doc, Function<? super R, ? extends F> factory) {
    final var more = new LinkedHashMap<>(own);
    if (more.put(name, new Entry<>(options, doc, factory, null)) != null) {
      throw new IllegalArgumentException(what + " " + name + " is registered twice");
    }
    return new Catalog<>(what, more, plugins);
  }

  /**
   * This catalog with what plug-ins of a kind give.
   *
   * @param kind the interface that they implement, a {@code Plugin<R, F>} for any R
   */
  public Catalog<F> open(Class<?> kind) {
    return new Catalog<>(what, own, kind);
  }

  private Map<String, Entry<?, F>> entries() {
    final var found = plugins == null ? List.<Plugins.Loaded<?, ?>>of() : Plugins.of(plugins);
    if (found.isEmpty()) {
      return own;
    }
    final var all = new LinkedHashMap<>(own);
    for (final var loaded : found) {
      @SuppressWarnings("unchecked") // the kind's interface says what it makes
      final var entry = (Entry<?, F>) Entry.of(loaded.plugin(), loaded.jar());
      put(what, all, loaded.plugin().name(), entry);
    }
    return all;
  }

  /** Puts an entry under a name that nothing else has. */
  private static <F> void put(
      String what, Map<String, Entry<?, F>> all, String name, Entry<?, F> entry) {
    final var earlier = all.put(name, entry);
    if (earlier == null) {
      return;
    }
    if (entry.jar() == null) {
      throw new IllegalArgumentException(what + " " + name + " is registered twice");
    }
    throw entry
        .jar()
        .error(
            "%s %s is there already, from %s; one of them needs another name"
                .formatted(
                    what,
                    name,
                    earlier.jar() == null ? "Gradstream itself" : earlier.jar().file()));
  }

  /** The entries of several catalogs as one, for what concerns names and options alone. */
  public static Catalog<Object> union(String what, List<Catalog<?>> catalogs) {
    final var entries = new LinkedHashMap<String, Entry<?, Object>>();
    for (final var catalog : catalogs) {
      catalog.own.forEach((name, entry) -> put(what, entries, name, entry.widened()));
    }
    for (final var catalog : catalogs) {
      catalog
          .entries()
          .forEach(
              (name, entry) -> {
                if (entry.jar() != null) {
                  put(what, entries, name, entry.widened());
                }
              });
    }
    return new Catalog<>(what, entries, null);
  }

  /** All names, in the order of registration; those of plug-ins come last. */
  public List<String> names() {
    return List.copyOf(entries().keySet());
  }

  /** The options record of a registered name. */
  public Class<? extends Record> optionsOf(String name) {
    return registered(name).options();
  }

  /** The documentation of a registered name, one line. */
  public String docOf(String name) {
    return registered(name).doc();
  }

  /** The jar that gives a registered name; empty where it is Gradstream's own. */
  public Optional<PluginJar> jarOf(String name) {
    return Optional.ofNullable(registered(name).jar());
  }

  /** The parameters of a registered name. */
  public List<Parameter> parametersOf(String name) {
    return Parameter.of(optionsOf(name));
  }

  /**
   * Binds a section's options and makes what it names.
   *
   * @throws UserError if the kind is unknown or an option is wrong
   */
  public F create(Section section) {
    return entry(section).create(section);
  }

  /**
   * Binds a section's options without making anything, so that a wrong spec is refused before it is
   * submitted.
   *
   * @throws UserError if the kind is unknown or an option is wrong
   */
  public Record check(Section section) {
    return section.bind(entry(section).options());
  }

  private Entry<?, F> entry(Section section) {
    final var entry = entries().get(section.kind());
    if (entry == null) {
      throw section.kindError(
          "unknown "
              + what
              + " \""
              + section.kind()
              + "\""
              + Nearest.hint(section.kind(), names()));
    }
    return entry;
  }

  private Entry<?, F> registered(String name) {
    final var entry = entries().get(name);
    if (entry == null) {
      throw new IllegalArgumentException(name + " is not a " + what);
    }
    return entry;
  }
}
