package io.gradstream.producer.loss;

/** A task's analytic loss before the model that it is a loss of is known. */
public interface ObjectiveType {
  /**
   * @param seed of the run
   * @param position of the task in the run spec, from 0
   * @param dimension of the points it will be asked at
   * @throws io.gradstream.proto.spec.SpecError when there is no such objective
   */
  Objective of(long seed, int position, int dimension);
}
