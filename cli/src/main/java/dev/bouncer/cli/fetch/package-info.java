/**
 * {@code bouncer fetch}: many URLs, politely.
 *
 * <p>One {@code Fetch} reads URLs, sends them through a limited client, puts bodies where a {@code
 * Destination} says, and writes a line of the {@code Report} for each.
 */
@NullMarked
package dev.bouncer.cli.fetch;

import org.jspecify.annotations.NullMarked;
