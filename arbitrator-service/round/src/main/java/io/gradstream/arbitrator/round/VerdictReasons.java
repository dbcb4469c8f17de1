package io.gradstream.arbitrator.round;

import io.gradstream.arbitrator.calibrator.Calibration;
import io.gradstream.arbitrator.resolver.Arbitration;
import io.gradstream.arbitrator.resolver.Fallback;
import io.gradstream.arbitrator.resolver.Resolution;
import io.gradstream.proto.message.Verdict;
import java.util.Arrays;

/** Writes into a verdict why a joint round was decided as it was. */
final class VerdictReasons {
  private VerdictReasons() {}

  /**
   * @param format the revision of the run's records; those of revision 1 have no codes, and an
   *     audit must decide as they were decided
   */
  static void write(Verdict.Builder verdict, JointRound joint, Resolution resolution, int format) {
    final double[][] gram = joint.statistics().gram();
    for (int task = 0; task < gram.length; task++) {
      verdict.addNorms(Math.sqrt(gram[task][task]));
      Arrays.stream(gram[task]).forEach(verdict::addGram);
    }
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
          .setForced(arbitration.forced());
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
