/** JMH and side-by-side programs against the peers; never published. */
@NullMarked
package dev.bouncer.benchmarks;

import org.jspecify.annotations.NullMarked;
