package io.gradstream.arbitrator.round;

import io.gradstream.arbitrator.calibrator.Calibration;
import io.gradstream.arbitrator.resolver.Arbitration;
import io.gradstream.arbitrator.resolver.Resolution;
import io.gradstream.proto.message.Verdict;
import java.util.Arrays;

/** Writes into a verdict why a joint round was decided as it was. */
final class VerdictReasons {
  private VerdictReasons() {}

  static void write(Verdict.Builder verdict, JointRound joint, Resolution resolution) {
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
    final String fallback = resolution.fallback();
    if (fallback != null) {
      verdict.setFallback(fallback);
    }
    final Calibration calibration = joint.calibration();
    if (calibration != null) {
      verdict.setCalibration(toRecord(calibration));
    }
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
