package io.gradstream.producer.model.torch;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.jni.JniUtils;
import io.gradstream.proto.UserError;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Starts PyTorch so that a gradient's bits depend on the run spec alone.
 *
 * <p>The number of intra-op threads decides how sums are split and so decides bits; it holds for
 * the whole JVM, and a second spec that asks for another number is refused. The engine works
 * offline, reports nothing to anyone, and unpacks its native libraries (450 MB) once under {@code
 * DJL_CACHE_DIR}, by default {@code ~/.cache/gradstream/djl}.
 */
public final class TorchEngine {
  private static final String ENGINE = "PyTorch";
  private static final Pattern GPU = Pattern.compile("gpu:(\\d{1,3})");

  /** What every jar with PyTorch's libraries has. */
  private static final String LIBRARIES = "/native/lib/pytorch.properties";

  /** Torch's number for the severity above a warning. */
  private static final int TORCH_ERROR = 2;

  private TorchEngine() {}

  /**
   * A manager of tensors on a device. Starts the engine if it does not run yet.
   *
   * @param device {@code cpu} or {@code gpu:<index>}
   * @param intraOpThreads threads inside one tensor operation, at least 1
   * @throws UserError when the device is not there, the engine cannot be loaded, or it already runs
   *     with another number of threads
   */
  public static NDManager open(String device, int intraOpThreads) {
    synchronized (TorchEngine.class) {
      setUnlessGiven("DJL_CACHE_DIR", "DJL_CACHE_DIR", defaultCache().toString());
      setUnlessGiven("OPT_OUT_TRACKING", "OPT_OUT_TRACKING", "true");
      setUnlessGiven("DJL_OFFLINE", "ai.djl.offline", "true");
      System.setProperty("ai.djl.pytorch.num_threads", Integer.toString(intraOpThreads));
      System.setProperty("ai.djl.pytorch.num_interop_threads", "1");
      Engine engine = load();
      silenceDeprecationWarning(engine);
      int running = JniUtils.getNumThreads();
      if (running != intraOpThreads) {
        throw new UserError(
            "compute.intra-op-threads: PyTorch runs with %d in this process; %d needs a process of its own"
                .formatted(running, intraOpThreads));
      }
      return engine.newBaseManager(find(device, engine));
    }
  }

  /** The engine with its version, such as {@code PyTorch 2.7.1}. */
  public static String version() {
    return ENGINE + " " + load().getVersion();
  }

  private static Engine load() {
    if (System.getenv("PYTORCH_LIBRARY_PATH") == null
        && System.getProperty("PYTORCH_LIBRARY_PATH") == null
        && TorchEngine.class.getResource(LIBRARIES) == null) {
      throw new UserError(
          "PyTorch's libraries are not on the class path; a bundle has none: use a checkout, or set PYTORCH_LIBRARY_PATH to those of PyTorch 2.7.1");
    }
    try {
      return Engine.getEngine(ENGINE);
    } catch (EngineException | UnsatisfiedLinkError e) {
      throw new UserError(
          "PyTorch cannot be loaded (%s); its libraries are unpacked under %s, which must be writable"
              .formatted(e.getMessage(), System.getProperty("DJL_CACHE_DIR", "DJL_CACHE_DIR")),
          e);
    }
  }

  /**
   * {@link Parameters} puts tensors onto vectors by a call of DJL for which torch prints a
   * deprecation warning on standard error, once a process. A user can do nothing about it, so the
   * first such call is made here, while torch's warnings are off.
   */
  private static void silenceDeprecationWarning(Engine engine) {
    // A variable of libc10. A build of torch without it prints the warning.
    Optional<MemorySegment> lowestLogged =
        SymbolLookup.loaderLookup().find("FLAGS_caffe2_log_level");
    lowestLogged.ifPresent(
        variable -> {
          MemorySegment level = variable.reinterpret(Integer.BYTES);
          int before = level.get(ValueLayout.JAVA_INT, 0);
          level.set(ValueLayout.JAVA_INT, 0, TORCH_ERROR);
          try (NDManager manager = engine.newBaseManager(Device.cpu());
              NDArray tensor = manager.create(1f)) {
            tensor.set(ByteBuffer.allocateDirect(Float.BYTES).order(ByteOrder.nativeOrder()));
          } finally {
            level.set(ValueLayout.JAVA_INT, 0, before);
          }
        });
  }

  private static Device find(String name, Engine engine) {
    Device device = device(name);
    int gpus = engine.getGpuCount();
    if (device.isGpu() && device.getDeviceId() >= gpus) {
      throw new UserError(
          "device %s (compute.device, or --device): PyTorch %s sees %d GPUs here; cpu always works"
              .formatted(name, engine.getVersion(), gpus));
    }
    return device;
  }

  /**
   * The engine's device of our name; DJL itself writes it without a colon.
   *
   * @throws UserError if there is no device of that name
   */
  static Device device(String name) {
    Matcher gpu = GPU.matcher(name);
    if (gpu.matches()) {
      return Device.gpu(Integer.parseInt(gpu.group(1)));
    }
    if (name.equals("cpu")) {
      return Device.cpu();
    }
    throw new UserError("device %s: cpu, gpu:0, gpu:1, ... are possible".formatted(name));
  }

  /** Our name of an engine's device: {@code cpu}, or {@code gpu:0} and so on. */
  public static String nameOf(Device device) {
    return device.isGpu() ? "gpu:" + device.getDeviceId() : "cpu";
  }

  private static Path defaultCache() {
    return Path.of(System.getProperty("user.home"), ".cache", "gradstream", "djl");
  }

  private static void setUnlessGiven(String variable, String property, String value) {
    if (System.getenv(variable) == null && System.getProperty(property) == null) {
      System.setProperty(property, value);
    }
  }
}
