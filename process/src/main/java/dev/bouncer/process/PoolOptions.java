package dev.bouncer.process;

import dev.bouncer.process.wire.Codecs;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** What a pool was built with. Immutable. */
record PoolOptions(
    String name,
    int maxWorkers,
    int minWorkers,
    int spare,
    List<Path> classPath,
    List<String> jvmOptions,
    OptionalLong maxHeapBytes,
    OptionalLong maxRssBytes,
    OptionalInt maxTasksPerWorker,
    List<String> resultTypes,
    int maxMessageBytes,
    Duration startTimeout,
    @Nullable Duration taskTimeout,
    @Nullable Duration idleTimeout,
    Duration killAfter,
    WorkerOutput output,
    boolean aotCache,
    Codecs codecs,
    MemoryFolder memoryFolder) {}
