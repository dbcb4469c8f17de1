package io.gradstream.arbitrator.offline;

import java.util.List;

/** The golden files, one a method. */
final class GoldenFiles {
  static final List<String> METHODS =
      List.of(
          "aligned_mtl",
          "cagrad",
          "config",
          "cosmos",
          "cr_mogm",
          "db_mtl",
          "dualproj",
          "dwa",
          "excess_mtl",
          "fairgrad",
          "famo",
          "gcond",
          "gls",
          "graddrop",
          "gradnorm",
          "gradvac",
          "imtl",
          "imtl_g",
          "imtl_l",
          "krum",
          "ls",
          "mgda",
          "moco",
          "modo",
          "nash_mtl",
          "pbi",
          "pcd",
          "pcgrad",
          "rlw",
          "sdmgrad",
          "si",
          "stch",
          "stch_plain",
          "trimmed_mean",
          "upgrad",
          "uw",
          "vargrad");

  private GoldenFiles() {}
}
