/**
 * Decides how many tasks run at once inside one JVM.
 *
 * <p>Two parts: a {@link dev.bouncer.Limiter} hands out {@link dev.bouncer.Permit}s, and whoever
 * finds the house full waits in line, with or without a thread; a {@link dev.bouncer.Pool} runs
 * tasks, never more than {@code maxWorkers} at once, and keeps the queue of the rest.
 *
 * <h2>Memory consistency effects</h2>
 *
 * <p>Those of {@link java.util.concurrent.Semaphore}: what a thread did before it {@linkplain
 * dev.bouncer.Permit#close() gave a permit back} <i>happens-before</i> what follows a later
 * successful acquire of the same limiter, whether the permit arrives as a return value or through a
 * future. What a thread did before it submitted a task happens-before the task, and the task
 * happens-before what follows the completion of its future.
 *
 * <h2>Nulls, durations and time</h2>
 *
 * <p>No argument and no result is {@code null} unless it is annotated so; a {@code null} argument
 * is answered with a {@link java.lang.NullPointerException} that names it. A timeout of zero or
 * less is an immediate try; one that is too large to count in nanoseconds waits for about 292
 * years. Time is monotonic: no wall clock decides anything.
 */
@NullMarked
package dev.bouncer;

import org.jspecify.annotations.NullMarked;
