/**
 * What runs in the child JVM: one thread that runs tasks, one that reads what the pool sends and
 * ends the process when the pool is gone.
 */
@NullMarked
package dev.bouncer.process.worker;

import org.jspecify.annotations.NullMarked;
