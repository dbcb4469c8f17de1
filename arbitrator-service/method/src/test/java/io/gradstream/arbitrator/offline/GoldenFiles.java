package io.gradstream.arbitrator.offline;

import java.util.List;

/** The golden files, one a method. */
final class GoldenFiles {
  static final List<String> METHODS =
      List.of(
          "aligned_mtl",
          "cagrad",
          "dualproj",
          "dwa",
          "fairgrad",
          "famo",
          "gcond",
          "graddrop",
          "gradnorm",
          "imtl_g",
          "ls",
          "mgda",
          "moco",
          "nash_mtl",
          "pcgrad",
          "rlw",
          "si",
          "stch",
          "upgrad",
          "uw",
          "vargrad");

  private GoldenFiles() {}
}
