/**
 * A real Kafka broker inside this JVM, for runs on one machine and for tests.
 *
 * <p>It is the broker of Apache Kafka itself (KRaft, broker and controller in one node), not a
 * simulation: what works here works on a cluster.
 */
@NullMarked
package io.gradstream.embedded;

import org.jspecify.annotations.NullMarked;
