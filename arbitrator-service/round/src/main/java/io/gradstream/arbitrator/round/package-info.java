/**
 * One round: accumulate the slots, take the inner products, combine. No Kafka: an auditor runs the
 * same classes over the log.
 *
 * <p>A round's inner products take one form for each purpose, each made of the one before:
 *
 * <ol>
 *   <li>{@code InnerProducts} (kernels): what one pass over a shard's vectors gives, packed;
 *   <li>{@code ShardStatistics.Products} (message): the same as it travels, with the gradients that
 *       it is of; an audit reads these again and compares;
 *   <li>{@code RoundTotals}: those of all shards, added in their order, over plain sums of slots;
 *   <li>{@code JointRound}: the totals turned into means, loss-weighted and calibrated, with all
 *       that the norm of the update needs;
 *   <li>{@code RoundStatistics} (methods): of these what a resolver may see;
 *   <li>the verdict's {@code gram} (message): what the resolver saw, read by {@code VerdictGram}
 *       wherever it is shown.
 * </ol>
 */
@NullMarked
package io.gradstream.arbitrator.round;

import org.jspecify.annotations.NullMarked;
