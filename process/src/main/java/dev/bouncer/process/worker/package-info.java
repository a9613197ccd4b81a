/**
 * What runs in the child JVM: one thread that runs tasks and, between them, reads what the pool
 * sends; one that reads in its place while a task takes long; and one that beats while the worker
 * is busy. Whoever reads ends the process when the pool is gone.
 */
@NullMarked
package dev.bouncer.process.worker;

import org.jspecify.annotations.NullMarked;
