package io.gradstream.system;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.PackageMatcher;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import java.util.Arrays;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What may import what. Maven's modules keep most of it; the rest, and the reasons, are here.
 *
 * <p>A pattern that matches no class is a mistake in the rule: it would hold for ever and guard
 * nothing.
 */
class ArchitectureTest {
  private static final String[] KERNELS = {"io.gradstream.proto.kernels.."};
  private static final String[] SPEC = {"io.gradstream.proto.spec.."};
  private static final String[] PROTOCOL = {
    "io.gradstream.proto.message..",
    "io.gradstream.proto.manifest..",
    "io.gradstream.proto.record..",
    "io.gradstream.proto.topic..",
    "io.gradstream.proto.evidence..",
    "io.gradstream.proto.log..",
    "io.gradstream.proto.run.."
  };
  private static final String[] STREAMS = {"io.gradstream.proto.streams.."};
  private static final String[] SERVICES = {
    "io.gradstream.producer..", "io.gradstream.arbitrator..", "io.gradstream.server.."
  };
  private static final String[] TOPOLOGIES = {
    "io.gradstream.arbitrator.topology..", "io.gradstream.server.topology.."
  };
  private static final String[] INFRASTRUCTURE = {
    "io.gradstream.embedded..",
    "io.gradstream.audit..",
    "io.gradstream.submission..",
    "io.gradstream.chaos..",
    "io.gradstream.benchmarks..",
    "io.gradstream.cli.."
  };
  private static final String[] MATHEMATICS = {
    "io.gradstream.proto.kernels..",
    "io.gradstream.proto.manifest..",
    "io.gradstream.arbitrator.linalg..",
    "io.gradstream.arbitrator.resolver..",
    "io.gradstream.arbitrator.calibrator..",
    "io.gradstream.arbitrator.selection..",
    "io.gradstream.arbitrator.round..",
    "io.gradstream.server.optimizer..",
    "io.gradstream.server.schedule..",
    "io.gradstream.server.weights..",
    "io.gradstream.server.dispatch.."
  };
  private static final String[] DECISIONS = {
    "io.gradstream.arbitrator.linalg..",
    "io.gradstream.arbitrator.resolver..",
    "io.gradstream.arbitrator.calibrator..",
    "io.gradstream.arbitrator.selection.."
  };
  private static final String[] DRAWINGS = {"io.gradstream.benchmarks.."};
  private static final String[] MODELS_AND_DATA = {
    "io.gradstream.producer.model..",
    "io.gradstream.producer.loss..",
    "io.gradstream.producer.data.."
  };

  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("io.gradstream");

  @Test
  void servicesNeverSeeEachOther() {
    slices()
        .matching("io.gradstream.(producer|arbitrator|server)..")
        .should()
        .notDependOnEachOther()
        .because(
            "services meet in topics alone, so that each can run, scale and fail by itself;"
                + " what two of them need belongs in proto")
        .check(CLASSES);
  }

  @Test
  void protoIsTheGroundFloor() {
    forbid(
        array("io.gradstream.proto.."),
        array(SERVICES, INFRASTRUCTURE),
        "everything stands on proto; move what proto needs down into it");
  }

  @Test
  void protoIsOneStack() {
    forbid(
        KERNELS,
        array(SPEC, PROTOCOL, STREAMS),
        "kernels are at the bottom of the stack: they take memory and give numbers");
    forbid(SPEC, array(PROTOCOL, STREAMS), "a run spec is read without knowing how it is carried");
    forbid(PROTOCOL, STREAMS, "workers speak the protocol and must not carry Kafka Streams");
  }

  @Test
  void servicesKnowNothingOfTheInfrastructure() {
    forbid(
        SERVICES,
        INFRASTRUCTURE,
        "a service runs against any cluster; the command line stands on it, not below");
  }

  @Test
  void onlyTopologiesKnowKafkaStreams() {
    final ArchRule rule =
        noClasses()
            .that()
            .resideOutsideOfPackages(array(STREAMS, TOPOLOGIES))
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("org.apache.kafka.streams..")
            .because(
                "workers, evaluators and auditors must not carry Kafka Streams and RocksDB; what"
                    + " needs a processor belongs into a topology");
    requireClasses(array(STREAMS, TOPOLOGIES));
    rule.check(CLASSES);
  }

  @Test
  void mathematicsIsPure() {
    forbid(
        MATHEMATICS,
        array("org.apache.kafka..", "ai.djl..", "java.nio.file..", "java.net.."),
        "values in, values out: that is why it can be tested by thousands of random cases and"
            + " replayed by an auditor; hand it arrays or memory segments");
  }

  @Test
  void decisionsHaveNoWorldOutside() {
    forbid(
        DECISIONS,
        array("java.io..", "java.time..", "org.slf4j..", "io.gradstream.arbitrator.topology.."),
        "the same statistics must give the same bits everywhere: no file, clock or log");
    noClasses()
        .that()
        .resideInAnyPackage(DECISIONS)
        .should()
        .dependOnClassesThat()
        .haveFullyQualifiedName("java.util.Random")
        .because("hidden random state cannot be replayed; draw numbers from RandomSource")
        .check(CLASSES);
  }

  @Test
  void functionsWhoseBitsDependOnTheMachineAreNotUsed() {
    final Set<String> transcendental =
        Set.of(
            "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "exp",
            "expm1", "log", "log10", "log1p", "pow", "cbrt", "hypot");
    noClasses()
        .that()
        .resideOutsideOfPackages(DRAWINGS)
        .should()
        .accessTargetWhere(
            DescribedPredicate.describe(
                "transcendental functions of java.lang.Math",
                access ->
                    access.getTargetOwner().isEquivalentTo(Math.class)
                        && transcendental.contains(access.getTarget().getName())))
        .because(
            "Java lets them differ in the last place from processor to processor, and then an"
                + " honest run fails its audit elsewhere; use StrictMath (square root, fma, floor"
                + " and the like are exact and may be Math's)")
        .check(CLASSES);
  }

  @Test
  void modelsAndDataKnowNoKafka() {
    forbid(
        MODELS_AND_DATA,
        array("org.apache.kafka.."),
        "a gradient follows from spec, weights and slot; the worker does the talking");
  }

  @Test
  void djlStaysInTheProducers() {
    noClasses()
        .that()
        .resideOutsideOfPackages("io.gradstream.producer..", "io.gradstream.benchmarks..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("ai.djl..")
        .because(
            "only workers and evaluators run models; other services need no engine (benchmarks"
                + " compare themselves with it)")
        .check(CLASSES);
  }

  private static Stream<String> everyPackage() {
    return Stream.of(
            KERNELS,
            SPEC,
            PROTOCOL,
            STREAMS,
            SERVICES,
            TOPOLOGIES,
            INFRASTRUCTURE,
            MATHEMATICS,
            DRAWINGS)
        .flatMap(Arrays::stream)
        .distinct();
  }

  @ParameterizedTest
  @MethodSource("everyPackage")
  void rulesNamePackagesThatExist(String pattern) {
    requireClasses(pattern);
  }

  /** Classes of the first packages must not depend on those of the second. */
  private static void forbid(String[] who, String[] whom, String because) {
    requireClasses(who);
    noClasses()
        .that()
        .resideInAnyPackage(who)
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(whom)
        .because(because)
        .check(CLASSES);
  }

  private static void requireClasses(String... patterns) {
    for (final String pattern : patterns) {
      final PackageMatcher matcher = PackageMatcher.of(pattern);
      assertThat(CLASSES.stream().map(JavaClass::getPackageName).filter(matcher::matches))
          .as("classes in " + pattern)
          .isNotEmpty();
    }
  }

  private static String[] array(String... one) {
    return one;
  }

  private static String[] array(String[]... several) {
    return Arrays.stream(several).flatMap(Arrays::stream).toArray(String[]::new);
  }
}
