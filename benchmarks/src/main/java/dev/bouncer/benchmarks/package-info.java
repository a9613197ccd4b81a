/** JMH and side-by-side programs against the peers; never published. */
package dev.bouncer.benchmarks;
