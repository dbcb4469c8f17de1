package io.gradstream.arbitrator;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** What keeps the arbitrator's decisions repeatable by anyone who has the log. */
@AnalyzeClasses(
    packages = "io.gradstream.arbitrator",
    importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
  private static final String[] MATHEMATICS = {"..resolver..", "..calibrator..", "..statistics.."};

  @ArchTest
  static final ArchRule mathematicsSeesNoStream =
      noClasses()
          .that()
          .resideInAnyPackage(MATHEMATICS)
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("org.apache.kafka..", "ai.djl..", "..topology..", "..offline..")
          .allowEmptyShould(true)
          .because(
              "an audit repeats decisions without a stream and an engine; hand values in from the"
                  + " topology instead");

  @ArchTest
  static final ArchRule mathematicsHasNoWorldOutside =
      noClasses()
          .that()
          .resideInAnyPackage(MATHEMATICS)
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "java.io..", "java.nio.file..", "java.net..", "java.time..", "org.slf4j..")
          .orShould()
          .dependOnClassesThat()
          .haveFullyQualifiedName("java.util.Random")
          .allowEmptyShould(true)
          .because(
              "the same statistics must give the same bits everywhere: no file, clock or hidden"
                  + " random state; draw numbers from Draws");

  @ArchTest
  static final ArchRule servicesDoNotSeeEachOther =
      noClasses()
          .that()
          .resideInAPackage("io.gradstream.arbitrator..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "io.gradstream.producer..",
              "io.gradstream.server..",
              "io.gradstream.cli..",
              "io.gradstream.embedded..")
          .because("services meet only in topics; what two of them need belongs in proto");
}
