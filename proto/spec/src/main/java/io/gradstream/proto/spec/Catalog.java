package io.gradstream.proto.spec;

import io.gradstream.proto.UserError;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

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
 * Catalog<Function<RunSpec, TaskModel>>}. Immutable.
 *
 * @param <F> the type that a section creates
 */
public final class Catalog<F> {
  private record Entry<R extends Record, F>(
      Class<R> options, String doc, Function<? super R, ? extends F> factory) {
    F create(Section section) {
      final var bound = section.bind(options);
      try {
        return factory.apply(bound);
      } catch (IllegalArgumentException refused) {
        throw section.locate(refused);
      }
    }

    Entry<R, Object> widened() {
      return new Entry<>(options, doc, factory);
    }
  }

  private final String what;
  private final Map<String, Entry<?, F>> entries;

  private Catalog(String what, Map<String, Entry<?, F>> entries) {
    this.what = what;
    this.entries = Collections.unmodifiableMap(entries);
  }

  /**
   * An empty catalog.
   *
   * @param what the kind in singular, as messages name it: "resolver", "data source"
   */
  public static <F> Catalog<F> of(String what) {
    return new Catalog<>(what, new LinkedHashMap<>());
  }

  /**
   * This catalog with one more entry.
   *
   * @param doc one line, as {@code gradstream methods} and editors show it
   * @param factory may throw {@link SpecError} or IllegalArgumentException, which is located
   */
  public <R extends Record> Catalog<F> with(
      String name, Class<R> options, String doc, Function<? super R, ? extends F> factory) {
    final var more = new LinkedHashMap<>(entries);
    if (more.put(name, new Entry<>(options, doc, factory)) != null) {
      throw new IllegalArgumentException(what + " " + name + " is registered twice");
    }
    return new Catalog<>(what, more);
  }

  /** The entries of several catalogs as one, for what concerns names and options alone. */
  public static Catalog<Object> union(String what, List<Catalog<?>> catalogs) {
    final var entries = new LinkedHashMap<String, Entry<?, Object>>();
    for (final var catalog : catalogs) {
      catalog.entries.forEach(
          (name, entry) -> {
            if (entries.put(name, entry.widened()) != null) {
              throw new IllegalArgumentException(what + " " + name + " is registered twice");
            }
          });
    }
    return new Catalog<>(what, entries);
  }

  /** All names, in the order of registration. */
  public List<String> names() {
    return List.copyOf(entries.keySet());
  }

  /** The options record of a registered name. */
  public Class<? extends Record> optionsOf(String name) {
    return registered(name).options();
  }

  /** The documentation of a registered name, one line. */
  public String docOf(String name) {
    return registered(name).doc();
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
    final var entry = entries.get(section.kind());
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
    final var entry = entries.get(name);
    if (entry == null) {
      throw new IllegalArgumentException(name + " is not a " + what);
    }
    return entry;
  }
}
