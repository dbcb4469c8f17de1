package io.gradstream.proto.kernels;

import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One pass over the vectors of a round that yields all their inner products.
 *
 * <p>The vectors are numbered current 0..N-1, previous N..2N-1, momentum last. Block by block of
 * {@value #BLOCK} values they are copied side by side into a small array that stays in the first
 * two levels of cache (650 KB for N = 40), the last block padded with zeros, which add nothing.
 * There the products are formed in {@linkplain Tile tiles} of four rows by two columns: eight sums
 * in registers for six loads. The four rows stay in the first level while the columns pass by, so
 * memory is read once and arithmetic sets the pace for many tasks.
 *
 * <p>Each product has {@value #LANES} sums in double, one a lane; see {@link Kernels} for the order
 * of additions. Tiles that reach over the diagonal or the last vector repeat products; what is
 * repeated goes to a slot that nobody reads.
 */
final class InnerProductPass {
  /** Virtual lanes of a sum. */
  static final int LANES = 16;

  /** Values after which the lanes are emptied into doubles. A multiple of {@link #LANES}. */
  static final int BLOCK = 1024;

  /** A cache line more than a block, lest all vectors compete for the same cache sets. */
  static final int STRIDE = BLOCK + LANES;

  static final int ROWS = 4;
  static final int COLUMNS = 2;
  static final int PRODUCTS = ROWS * COLUMNS;

  /** Forms the inner products of four rows with two columns in a block. */
  interface Tile {
    /**
     * Sets the lanes of a block's products.
     *
     * @param block the vectors, {@link #STRIDE} apart
     * @param at where in {@code block} the four rows and then the two columns start
     * @param length of the block, a multiple of {@link #LANES}
     * @param lanes {@link #LANES} for each product, row by row
     */
    void multiply(float[] block, int[] at, int length, float[] lanes);
  }

  /**
   * The same for one or two tasks, whose vectors are read where they lie: off-heap, once, all at
   * the same pace. Memory is then the only limit.
   */
  interface Pair {
    /** The products' vectors, two for each product. */
    @SuppressWarnings("MutablePublicArray") // nobody outside of this package sees it
    int[] FACTORS = {0, 0, 0, 1, 1, 1, 0, 2, 0, 3, 1, 2, 1, 3, 0, 4, 1, 4, 4, 4};

    /**
     * Sets the lanes of the products of a whole block.
     *
     * @param vectors the two current, the two previous, and momentum
     * @param from where the block starts
     * @param lanes {@link #LANES} for each product, as {@link #FACTORS} has them
     */
    void multiply(MemorySegment[] vectors, long from, float[] lanes);
  }

  private record Placed(int[] at, int[] slots) {}

  private final long n;
  private final int tasks;
  private final boolean withPrevious;
  private final boolean withMomentum;
  private final MemorySegment[] vectors;
  private final double[] sums;
  private final int spare;

  InnerProductPass(
      MemorySegment[] current, MemorySegment[] previous, @Nullable MemorySegment momentum, long n) {
    this.n = n;
    tasks = current.length;
    withPrevious = previous.length > 0;
    withMomentum = momentum != null;
    if (tasks == 0 || (withPrevious && previous.length != tasks)) {
      throw new IllegalArgumentException(
          "%d current and %d previous vectors; previous must be as many or none"
              .formatted(tasks, previous.length));
    }
    List<MemorySegment> all = new ArrayList<>(Arrays.asList(current));
    all.addAll(Arrays.asList(previous));
    if (momentum != null) {
      all.add(momentum);
    }
    vectors = VectorSlices.of(all.toArray(MemorySegment[]::new), n);
    spare = products() * LANES;
    sums = new double[spare + LANES];
  }

  /** All products by tiles. */
  InnerProducts run(Tile tile) {
    addTiles(tile, 0);
    return result();
  }

  /** All products, for up to two tasks by {@code pair} where the vectors allow it. */
  InnerProducts run(Tile tile, Pair pair) {
    boolean direct = tasks <= 2 && Arrays.stream(vectors).allMatch(NativeWindows::isDirect);
    try {
      addTiles(tile, direct ? addPairs(pair) : 0);
    } finally {
      Reference.reachabilityFence(vectors);
    }
    return result();
  }

  private void addTiles(Tile tile, long start) {
    if (start == n) {
      return;
    }
    float[] block = new float[vectors.length * STRIDE];
    float[] lanes = new float[PRODUCTS * LANES];
    List<Placed> tiles = tiles();
    for (long from = start; from < n; from += BLOCK) {
      int length = fill(block, from);
      for (Placed placed : tiles) {
        tile.multiply(block, placed.at, length, lanes);
        for (int product = 0; product < PRODUCTS; product++) {
          empty(lanes, product * LANES, sums, placed.slots[product], LANES);
        }
      }
    }
  }

  /** Adds whole blocks and says where they end. The first vector stands in for those not there. */
  private long addPairs(Pair pair) {
    int absent = -1;
    int[] places = {
      0,
      tasks > 1 ? 1 : absent,
      withPrevious ? tasks : absent,
      withPrevious && tasks > 1 ? tasks + 1 : absent,
      withMomentum ? vectors.length - 1 : absent
    };
    MemorySegment[] five =
        Arrays.stream(places).mapToObj(p -> vectors[Math.max(p, 0)]).toArray(MemorySegment[]::new);
    int[] slots = new int[Pair.FACTORS.length / 2];
    for (int product = 0; product < slots.length; product++) {
      int x = places[Pair.FACTORS[2 * product]];
      int y = places[Pair.FACTORS[2 * product + 1]];
      slots[product] = x == absent || y == absent ? spare : slot(x, y);
    }
    float[] lanes = new float[slots.length * LANES];
    long end = n / BLOCK * BLOCK;
    for (long from = 0; from < end; from += BLOCK) {
      pair.multiply(five, from, lanes);
      for (int product = 0; product < slots.length; product++) {
        empty(lanes, product * LANES, sums, slots[product], LANES);
      }
    }
    return end;
  }

  /** Copies the vectors' values from {@code from} on and says how many there are, with zeros. */
  private int fill(float[] block, long from) {
    int length = (int) Math.min(BLOCK, n - from);
    int padded = (length + LANES - 1) / LANES * LANES;
    for (int v = 0; v < vectors.length; v++) {
      int at = v * STRIDE;
      MemorySegment.copy(vectors[v], ValueType.FLOAT, from * Float.BYTES, block, at, length);
      Arrays.fill(block, at + length, at + padded, 0f);
    }
    return padded;
  }

  /** Adds the lanes of a block's sum to their doubles. */
  static void empty(float[] lanes, int from, double[] sums, int to, int count) {
    for (int lane = 0; lane < count; lane++) {
      sums[to + lane] += lanes[from + lane];
    }
  }

  private InnerProducts result() {
    double[] gram = new double[tasks * (tasks + 1) / 2];
    double[] cross = new double[withPrevious ? tasks * tasks : 0];
    double[] momentum = new double[withMomentum ? tasks : 0];
    int slot = 0;
    for (double[] part : List.of(gram, cross, momentum)) {
      for (int i = 0; i < part.length; i++, slot += LANES) {
        part[i] = total(sums, slot, LANES);
      }
    }
    return new InnerProducts(gram, cross, momentum, withMomentum ? total(sums, slot, LANES) : 0);
  }

  /** Adds lanes in a tree: halves onto each other, until one is left. Destroys them. */
  static double total(double[] lanes, int at, int count) {
    for (int half = count / 2; half > 0; half /= 2) {
      for (int i = 0; i < half; i++) {
        lanes[at + i] += lanes[at + half + i];
      }
    }
    return lanes[at];
  }

  /** Where the lanes of the product of two vectors start; the spare slot if nobody asks for it. */
  private int slot(int row, int column) {
    int gram = tasks * (tasks + 1) / 2;
    int cross = withPrevious ? tasks * tasks : 0;
    int last = withMomentum ? vectors.length - 1 : vectors.length;
    int product;
    if (column == last) {
      product = gram + cross + (row == last ? tasks : row);
    } else if (row >= tasks || column < row) {
      return spare;
    } else if (column < tasks) {
      product = row * tasks - row * (row - 1) / 2 + column - row;
    } else {
      product = gram + row * tasks + column - tasks;
    }
    return product * LANES;
  }

  private int products() {
    return tasks * (tasks + 1) / 2
        + (withPrevious ? tasks * tasks : 0)
        + (withMomentum ? tasks + 1 : 0);
  }

  /** Tiles that cover all products. Rows are the current vectors and, for its square, momentum. */
  private List<Placed> tiles() {
    int rows = withMomentum ? tasks + 1 : tasks;
    List<Placed> tiles = new ArrayList<>();
    for (int row = 0; row < rows; row += ROWS) {
      int firstColumn = row < tasks ? row : vectors.length - 1;
      for (int column = firstColumn; column < vectors.length; column += COLUMNS) {
        tiles.add(place(row, rows, column));
      }
    }
    return tiles;
  }

  private Placed place(int row, int rows, int column) {
    int[] at = new int[ROWS + COLUMNS];
    int[] slots = new int[PRODUCTS];
    for (int r = 0; r < ROWS; r++) {
      for (int c = 0; c < COLUMNS; c++) {
        boolean inside = row + r < rows && column + c < vectors.length;
        int i = vectorOfRow(Math.min(row + r, rows - 1));
        int j = Math.min(column + c, vectors.length - 1);
        at[r] = i * STRIDE;
        at[ROWS + c] = j * STRIDE;
        slots[r * COLUMNS + c] = inside ? slot(i, j) : spare;
      }
    }
    return new Placed(at, slots);
  }

  private int vectorOfRow(int row) {
    return row < tasks ? row : vectors.length - 1;
  }
}
