/**
 * What travels between a pool and its workers: frames, values, functions and failures.
 *
 * <p>A frame is a length (4 bytes, big-endian, of what follows), a {@linkplain
 * dev.bouncer.process.wire.FrameKind kind} (1 byte) and the fields of that kind. Both ends are the
 * same build of the same library, so nothing is versioned but the whole protocol, once, in HELLO.
 */
@NullMarked
package dev.bouncer.process.wire;

import org.jspecify.annotations.NullMarked;
