package io.gradstream.arbitrator.round;

import io.gradstream.arbitrator.calibrator.Calibration;
import io.gradstream.arbitrator.resolver.Arbitration;
import io.gradstream.arbitrator.resolver.Fallback;
import io.gradstream.arbitrator.resolver.GroupStatistics;
import io.gradstream.arbitrator.resolver.Resolution;
import io.gradstream.proto.message.Verdict;
import io.gradstream.proto.spec.SlotGroups;
import java.util.Arrays;

/** Writes into a verdict why a joint round was decided as it was. */
final class VerdictReasons {
  private VerdictReasons() {}

  /**
   * @param format the revision of the run's records; those of revision 1 have no codes, and an
   *     audit must decide as they were decided
   */
  static void write(Verdict.Builder verdict, JointRound joint, Resolution resolution, int format) {
    final GroupStatistics statistics = joint.statistics();
    for (final double[] row : statistics.gram()) {
      Arrays.stream(row).forEach(verdict::addGram);
    }
    final SlotGroups groups = statistics.groups();
    for (int group = 0; group < groups.count() && groups.count() > 1; group++) {
      verdict.addGroupSlots(groups.slotsOf(group));
    }
    for (int task = 0; task < statistics.tasks(); task++) {
      verdict.addNorms(norm(statistics, task));
    }
    Arrays.stream(joint.variance()).forEach(verdict::addGradientVariance);
    Arrays.stream(joint.calibratedVariance()).forEach(verdict::addCalibratedVariance);
    for (final Arbitration arbitration : resolution.arbitrations()) {
      verdict
          .addArbitrationsBuilder()
          .setFirst(arbitration.first())
          .setSecond(arbitration.second())
          .setCosine(arbitration.cosine())
          .setZone(arbitration.zone().label())
          .setWinner(arbitration.winner())
          .setFirstScore(arbitration.firstScore())
          .setSecondScore(arbitration.secondScore())
          .setForced(arbitration.forced())
          .setGroup(arbitration.group());
    }
    resolution
        .details()
        .forEach((name, values) -> verdict.putDetails(name, VerdictStates.toRecord(values)));
    final Fallback fallback = resolution.fallback();
    if (fallback != null) {
      verdict.setFallback(fallback.reason());
      if (format > 1) {
        verdict.setFallbackCode(code(fallback.code()));
      }
    }
    final Calibration calibration = joint.calibration();
    if (calibration != null) {
      verdict.setCalibration(toRecord(calibration));
    }
  }

  /** Norm of a task's gradient, the mean over all of its groups. */
  private static double norm(GroupStatistics statistics, int task) {
    final SlotGroups groups = statistics.groups();
    final int count = groups.count();
    double squared = 0;
    for (int a = 0; a < count; a++) {
      for (int b = 0; b < count; b++) {
        squared +=
            groups.share(a)
                * groups.share(b)
                * statistics.gram()[task * count + a][task * count + b];
      }
    }
    return Math.sqrt(count == 1 ? squared : Math.max(0, squared));
  }

  static Verdict.Fallback code(Fallback.Code code) {
    return switch (code) {
      case NO_SOLUTION -> Verdict.Fallback.NO_SOLUTION;
      case OVERFLOW -> Verdict.Fallback.OVERFLOW;
      case LOSSES -> Verdict.Fallback.LOSSES;
      case GRADIENTS -> Verdict.Fallback.GRADIENTS;
      case BOUNDED -> Verdict.Fallback.BOUNDED;
    };
  }

  private static Verdict.Calibration toRecord(Calibration numbers) {
    final var record = Verdict.Calibration.newBuilder();
    Arrays.stream(numbers.keep()).forEach(record::addKeep);
    Arrays.stream(numbers.take()).forEach(record::addTake);
    Arrays.stream(numbers.direct()).forEach(record::addDirect);
    Arrays.stream(numbers.remembered()).forEach(record::addRemembered);
    return record.build();
  }
}
