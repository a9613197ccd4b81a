/**
 * HTTP calls behind limiters.
 *
 * <p>A {@link dev.bouncer.http.LimitedHttpClient} is a {@link java.net.http.HttpClient} whose calls
 * wait for a permit before they are sent and give it back when the body of the response has ended.
 * It obeys {@code Retry-After}, repeats what is safe to repeat, and tells adaptive limiters how
 * each attempt ended.
 */
@NullMarked
package dev.bouncer.http;

import org.jspecify.annotations.NullMarked;
