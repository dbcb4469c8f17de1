package io.gradstream.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.gradstream.producer.model.Fingerprint;
import io.gradstream.producer.model.JavaArithmetic;
import io.gradstream.producer.model.torch.TorchArithmetic;
import io.gradstream.producer.model.torch.TorchEngine;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code gradstream arithmetic}. */
@Command(
    name = "arithmetic",
    description = "Prints what this machine computes with, and the fingerprints of it.",
    footer = {
      "",
      "Two machines with the same fingerprint computed the same bits in every step listed; where",
      "they differ, the steps say in which operations, and so will the digests of runs."
    },
    mixinStandardHelpOptions = true)
final class ArithmeticCommand implements Callable<Integer> {
  private static final Path PROCESSOR = Path.of("/proc/cpuinfo");

  @SuppressWarnings("UnusedVariable") // picocli calls its setter
  @Mixin
  private ArithmeticOptions options;

  @Option(
      names = "--intra-op-threads",
      paramLabel = "N",
      description = "As compute.intra-op-threads of a run; default: 1.")
  private int threads = 1;

  @Option(
      names = "--device",
      paramLabel = "DEVICE",
      description = "As compute.device of a run; default: cpu.")
  private String device = "cpu";

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    final Fingerprint torch = TorchArithmetic.fingerprint(device, threads);
    final Fingerprint java = JavaArithmetic.fingerprint();
    final PrintWriter out = spec.commandLine().getOut();
    if (json) {
      out.println(json(torch, java));
    } else {
      out.printf("processor    %s%n", processor());
      out.printf("java         %s%n", java());
      out.printf(
          "engine       %s on %s, %d intra-op thread%s%n",
          TorchEngine.version(), device, threads, threads == 1 ? "" : "s");
      out.printf(
          "settings     %s%n",
          ArithmeticOptions.environment().entrySet().stream()
              .map(
                  each ->
                      each.getKey()
                          + (each.getValue().isEmpty() ? " not set" : "=" + each.getValue()))
              .collect(Collectors.joining(", ")));
      print("PyTorch; gradients of model mae carry it", torch, out);
      print("Java; gradients of model toy carry it", java, out);
    }
    out.flush();
    return 0;
  }

  private static void print(String of, Fingerprint fingerprint, PrintWriter out) {
    out.printf("fingerprint  %s of %s%n", fingerprint, of);
    fingerprint.steps().forEach(step -> out.printf("  %016x  %s%n", step.value(), step.name()));
  }

  private ObjectNode json(Fingerprint torch, Fingerprint java) {
    final ObjectNode json = new ObjectMapper().createObjectNode();
    json.put("processor", processor()).put("java", java());
    json.put("engine", TorchEngine.version());
    json.put("device", device).put("intra_op_threads", threads);
    final ObjectNode settings = json.putObject("settings");
    ArithmeticOptions.environment().forEach(settings::put);
    put(json.putObject("torch"), torch);
    put(json.putObject("java_arithmetic"), java);
    return json;
  }

  private static void put(ObjectNode json, Fingerprint fingerprint) {
    json.put("fingerprint", fingerprint.toString());
    final ObjectNode steps = json.putObject("steps");
    fingerprint.steps().forEach(step -> steps.put(step.name(), "%016x".formatted(step.value())));
  }

  private static String java() {
    return Runtime.version() + ", " + System.getProperty("java.vendor");
  }

  /** As Linux names it; elsewhere its architecture. */
  private static String processor() {
    final String machine = System.getProperty("os.arch") + ", " + System.getProperty("os.name");
    try (Stream<String> lines = Files.lines(PROCESSOR)) {
      return lines
          .filter(line -> line.startsWith("model name"))
          .map(line -> line.substring(line.indexOf(':') + 1).strip() + ", " + machine)
          .findFirst()
          .orElse(machine);
    } catch (IOException e) {
      return machine;
    }
  }
}
