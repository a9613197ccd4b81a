/** What the benchmarks need to reach from inside the package of the limiters. */
@NullMarked
package dev.bouncer;

import org.jspecify.annotations.NullMarked;
