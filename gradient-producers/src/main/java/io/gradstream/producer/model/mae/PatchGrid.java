package io.gradstream.producer.model.mae;

/**
 * How an image is cut into square patches, row by row, and what tells a network where a patch lies.
 *
 * @param rows of patches
 * @param columns of patches
 * @param side of a patch in pixels
 */
record PatchGrid(int rows, int columns, int side) {
  int patches() {
    return rows * columns;
  }

  int pixelsPerPatch() {
    return side * side;
  }

  /** The image row of a pixel of a patch. */
  int y(int patch, int pixel) {
    return patch / columns * side + pixel / side;
  }

  /** The image column of a pixel of a patch. */
  int x(int patch, int pixel) {
    return patch % columns * side + pixel % side;
  }

  /**
   * Fixed positions, one vector of sines and cosines a patch (He et al., 2022): the first half of
   * the width tells the column, the second the row, at wavelengths from 2 pi to 20,000 pi patches.
   *
   * @param width a multiple of 4
   * @return patches x width
   */
  float[][] positions(int width) {
    var positions = new float[patches()][width];
    int quarter = width / 4;
    for (int patch = 0; patch < positions.length; patch++) {
      float[] position = positions[patch];
      for (int k = 0; k < quarter; k++) {
        double frequency = StrictMath.pow(10_000, -(double) k / quarter);
        double column = patch % columns * frequency;
        double row = patch / columns * frequency;
        position[k] = (float) StrictMath.sin(column);
        position[quarter + k] = (float) StrictMath.cos(column);
        position[2 * quarter + k] = (float) StrictMath.sin(row);
        position[3 * quarter + k] = (float) StrictMath.cos(row);
      }
    }
    return positions;
  }
}
