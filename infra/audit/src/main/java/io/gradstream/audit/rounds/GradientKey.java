package io.gradstream.audit.rounds;

/** A slot of a task in a shard: what one gradient record is for. */
record GradientKey(int shard, int task, int slot) {}
