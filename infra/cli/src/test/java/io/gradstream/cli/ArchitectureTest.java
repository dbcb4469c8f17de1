package io.gradstream.cli;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

@AnalyzeClasses(packages = "io.gradstream", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
  @ArchTest
  static final ArchRule servicesNeverSeeEachOther =
      slices()
          .matching("io.gradstream.(producer|arbitrator|server)..")
          .should()
          .notDependOnEachOther()
          .because(
              "services meet in topics alone, so that each can run, scale and fail by itself;"
                  + " what two of them need belongs in proto");

  @ArchTest
  static final ArchRule protoIsTheGroundFloor =
      noClasses()
          .that()
          .resideInAPackage("io.gradstream.proto..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "io.gradstream.producer..",
              "io.gradstream.arbitrator..",
              "io.gradstream.server..",
              "io.gradstream.embedded..",
              "io.gradstream.audit..",
              "io.gradstream.cli..")
          .because("everything stands on proto; move what proto needs down into it");

  @ArchTest
  static final ArchRule servicesKnowNothingOfTheInfrastructure =
      noClasses()
          .that()
          .resideInAnyPackage(
              "io.gradstream.producer..", "io.gradstream.arbitrator..", "io.gradstream.server..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "io.gradstream.embedded..", "io.gradstream.audit..", "io.gradstream.cli..")
          .because("a service runs against any cluster; the command line stands on it, not below");

  @ArchTest
  static final ArchRule mathematicsIsPure =
      noClasses()
          .that()
          .resideInAnyPackage(
              "io.gradstream.arbitrator.resolver..",
              "io.gradstream.arbitrator.calibrator..",
              "io.gradstream.server.optimizer..",
              "io.gradstream.server.schedule..",
              "io.gradstream.proto.tensor..",
              "io.gradstream.proto.manifest..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("org.apache.kafka..", "ai.djl..", "java.nio.file..", "java.net..")
          .because(
              "values in, values out: that is why it can be tested by thousands of random cases and"
                  + " replayed by an auditor; hand it arrays or memory segments");

  @ArchTest
  static final ArchRule modelsAndDataKnowNoKafka =
      noClasses()
          .that()
          .resideInAnyPackage(
              "io.gradstream.producer.model..",
              "io.gradstream.producer.loss..",
              "io.gradstream.producer.data..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("org.apache.kafka..")
          .because("a gradient follows from spec, weights and slot; the worker does the talking");

  @ArchTest
  static final ArchRule djlStaysInTheProducers =
      noClasses()
          .that()
          .resideOutsideOfPackages("io.gradstream.producer..", "io.gradstream.cli.bench..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("ai.djl..")
          .because(
              "only workers and evaluators run models; other services need no engine (benchmarks"
                  + " compare themselves with it)");
}
