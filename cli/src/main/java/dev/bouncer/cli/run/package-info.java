/**
 * {@code bouncer run}: one command for each input, never more than a limit at once.
 *
 * <pre>
 *   InputSource ──► Run ──(permit of the limiter)──► Children ──► JobOutput ──► OutputOrder ──► Console
 *                    └── CommandTemplate                                       Tally ──► summary
 * </pre>
 */
@NullMarked
package dev.bouncer.cli.run;

import org.jspecify.annotations.NullMarked;
