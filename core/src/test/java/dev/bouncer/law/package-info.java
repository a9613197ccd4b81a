/**
 * The laws that every {@link dev.bouncer.Limiter} obeys, as tests to extend. In a package of their
 * own so that other modules can use them.
 */
@NullMarked
package dev.bouncer.law;

import org.jspecify.annotations.NullMarked;
