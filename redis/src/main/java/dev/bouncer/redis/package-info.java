/**
 * One limit for many machines: {@link dev.bouncer.redis.RedisSemaphore}, a {@link
 * dev.bouncer.Limiter} whose books are kept in Redis or Valkey.
 *
 * <p>Start with {@link dev.bouncer.redis.RedisSemaphore#connect}. Nulls, durations and time are as
 * in {@link dev.bouncer}; a permit is a {@link dev.bouncer.redis.LeasedPermit}, because a machine
 * can die or be cut off while it holds one.
 */
@NullMarked
package dev.bouncer.redis;

import org.jspecify.annotations.NullMarked;
