/** Runs tasks in child JVMs, never more than a fixed number at once. */
@NullMarked
package dev.bouncer.process;

import org.jspecify.annotations.NullMarked;
