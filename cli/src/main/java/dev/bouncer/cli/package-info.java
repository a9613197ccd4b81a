/** The {@code bouncer} command. */
@NullMarked
package dev.bouncer.cli;

import org.jspecify.annotations.NullMarked;
