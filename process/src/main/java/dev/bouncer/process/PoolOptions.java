package dev.bouncer.process;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** What a pool was built with. Immutable. */
record PoolOptions(
    String name,
    int maxWorkers,
    List<Path> classPath,
    List<String> jvmOptions,
    List<String> resultTypes,
    int maxMessageBytes,
    Duration startTimeout,
    Duration killAfter,
    WorkerOutput output) {}
