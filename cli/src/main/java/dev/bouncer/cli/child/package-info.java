/**
 * Child processes: started without a shell, their output read as bytes, their end told exactly, and
 * killed with everything they started.
 */
@NullMarked
package dev.bouncer.cli.child;

import org.jspecify.annotations.NullMarked;
