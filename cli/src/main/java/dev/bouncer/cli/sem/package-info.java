/** {@code bouncer sem}, and limits that several machines share. */
@NullMarked
package dev.bouncer.cli.sem;

import org.jspecify.annotations.NullMarked;
