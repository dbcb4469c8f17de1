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
    LOSS_ONLY("from the losses alone"),
    /** Inner products of the gradients. */
    GRAM("from inner products of the gradients"),
    /** The values of the gradients, element by element. */
    ELEMENTWISE("element by element");

    private final String words;

    Space(String words) {
      this.words = words;
    }

    /** How a method of this kind decides, after "it decides". */
    public String words() {
      return words;
    }
  }
}
