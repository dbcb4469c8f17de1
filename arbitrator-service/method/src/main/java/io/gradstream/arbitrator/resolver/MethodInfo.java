package io.gradstream.arbitrator.resolver;

import java.util.Set;

/**
 * What {@code gradstream methods} tells about a resolver beside its options.
 *
 * @param space which view of the gradients the method needs
 * @param paper where it comes from: authors, year, arXiv number
 * @param checkedAgainst the public implementation whose answers are in the tests
 * @param state the state that the method keeps between rounds, in words; empty if none
 * @param needs what it reads of a round, with its default options, beside what its space says
 */
public record MethodInfo(
    Space space, String paper, String checkedAgainst, String state, Set<Need> needs) {

  /** A method that needs nothing more. */
  public MethodInfo(Space space, String paper, String checkedAgainst, String state) {
    this(space, paper, checkedAgainst, state, Set.of());
  }

  /** The same of a method that needs more. */
  public MethodInfo needing(Need... more) {
    return new MethodInfo(space, paper, checkedAgainst, state, Set.of(more));
  }

  /** What a method may read of a round. */
  public enum Need {
    /** The losses. */
    LOSSES("the losses"),
    /** Inner products with the round before. */
    PREVIOUS("inner products with the gradients of the round before"),
    /** Random numbers. */
    RANDOM("random numbers, which follow from the seed"),
    /** Independent samples. */
    SAMPLES("two or three independent gradients a task (accumulation.groups)"),
    /** Excess risks. */
    EXCESS("sums of squares of each element over the rounds, a vector a task");

    private final String words;

    Need(String words) {
      this.words = words;
    }

    /** After "needs". */
    public String words() {
      return words;
    }
  }

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
