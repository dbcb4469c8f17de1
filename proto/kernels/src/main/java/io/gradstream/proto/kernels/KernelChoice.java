package io.gradstream.proto.kernels;

import io.gradstream.proto.UserError;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Chooses the kernels when they are first asked for.
 *
 * <p>{@link VectorKernels} links against the module jdk.incubator.vector, which a JVM has only if
 * it was started with {@code --add-modules}; so nothing here touches that class before the module
 * was seen.
 */
final class KernelChoice {
  /** {@code scalar} or {@code vector}; absent means the best. */
  static final String PROPERTY = "gradstream.kernels";

  private static final String MODULE = "jdk.incubator.vector";
  private static final Logger LOG = LoggerFactory.getLogger(Kernels.class);

  private KernelChoice() {}

  private static final class Chosen {
    static final Kernels KERNELS = choose(System.getProperty(PROPERTY), vectorModulePresent());
  }

  /**
   * The kernels of this JVM.
   *
   * @throws UserError if the property is neither of its values, or asks for kernels that this JVM
   *     does not have
   */
  static Kernels best() {
    check(System.getProperty(PROPERTY), vectorModulePresent());
    return Chosen.KERNELS;
  }

  static void check(@Nullable String wanted, boolean vectorModule) {
    if (wanted == null || wanted.equals("scalar") || (wanted.equals("vector") && vectorModule)) {
      return;
    }
    throw new UserError(
        wanted.equals("vector")
            ? "-D%s=vector: start the JVM with --add-modules=%s".formatted(PROPERTY, MODULE)
            : "-D%s=%s: unknown kernels; say scalar or vector".formatted(PROPERTY, wanted));
  }

  private static Kernels choose(@Nullable String wanted, boolean vectorModule) {
    String why = wanted == null ? "" : ", as -D" + PROPERTY + " says";
    if ("scalar".equals(wanted) || !vectorModule) {
      LOG.info("kernels: scalar{}", wanted == null ? ", for want of --add-modules=" + MODULE : why);
      return ScalarKernels.INSTANCE;
    }
    LOG.info("kernels: vector, {} bits{}", VectorKernels.BITS, why);
    return VectorKernels.INSTANCE;
  }

  private static boolean vectorModulePresent() {
    return ModuleLayer.boot().findModule(MODULE).isPresent();
  }
}
