/**
 * {@code bouncer demo}: the two situations that the project exists for, with a real server and real
 * processes, and figures that were measured by those who were to be protected.
 */
@NullMarked
package dev.bouncer.cli.demo;

import org.jspecify.annotations.NullMarked;
