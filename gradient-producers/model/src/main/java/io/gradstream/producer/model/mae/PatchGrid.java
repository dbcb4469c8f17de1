package io.gradstream.producer.model.mae;

/**
 * How an image is cut into square patches, row by row, and what tells a network where a patch lies.
 *
 * @param rows of patches
 * @param columns of patches
 * @param side of a patch in pixels
 */
record PatchGrid(int rows, int columns, int side) {
  private static final double LONGEST_WAVE = 30;

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

  /** The patch that many rows and columns away, or -1 outside of the image. */
  int neighbour(int patch, int down, int right) {
    int row = patch / columns + down;
    int column = patch % columns + right;
    boolean inside = row >= 0 && row < rows && column >= 0 && column < columns;
    return inside ? row * columns + column : -1;
  }

  /**
   * Fixed positions, one vector of sines and cosines a patch (He et al., 2022): the first half of
   * the width tells the column, the second the row. Wavelengths go from 2 pi to 60 pi patches; the
   * original's 20,000 pi would be the same everywhere on grids as small as these.
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
        double frequency = StrictMath.pow(LONGEST_WAVE, -(double) k / quarter);
        double column = patch % columns * frequency;
        double row = Math.floorDiv(patch, columns) * frequency;
        position[k] = (float) StrictMath.sin(column);
        position[quarter + k] = (float) StrictMath.cos(column);
        position[2 * quarter + k] = (float) StrictMath.sin(row);
        position[3 * quarter + k] = (float) StrictMath.cos(row);
      }
    }
    return positions;
  }
}
