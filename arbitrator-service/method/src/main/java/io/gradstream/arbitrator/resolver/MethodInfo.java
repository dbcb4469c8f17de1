package io.gradstream.arbitrator.resolver;

/**
 * What {@code gradstream methods} tells about a resolver beside its options.
 *
 * @param space which view of the gradients the method needs
 * @param paper where it comes from: authors, year, arXiv number
 * @param checkedAgainst the public implementation whose answers are in the tests
 * @param state the state that the method keeps between rounds, in words; empty if none
 */
public record MethodInfo(Space space, String paper, String checkedAgainst, String state) {

  /** What a method needs to see of the gradients. */
  public enum Space {
    /** The losses alone. */
    LOSS_ONLY("from the losses alone", "N numbers"),
    /** Inner products of the gradients. */
    GRAM("from inner products of the gradients", "one pass over the gradients"),
    /** The values of the gradients, element by element. */
    ELEMENTWISE("element by element", "one pass over the gradients, and no weights to show");

    private final String words;
    private final String cost;

    Space(String words, String cost) {
      this.words = words;
      this.cost = cost;
    }

    /** How a method of this kind decides, after "it decides". */
    public String words() {
      return words;
    }

    /** What that costs beside computing the gradients. */
    public String cost() {
      return cost;
    }
  }
}
