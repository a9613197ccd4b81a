package dev.bouncer.process;

import dev.bouncer.process.wire.Ledger;
import dev.bouncer.process.wire.Slab;
import dev.bouncer.process.wire.SlabSlot;
import dev.bouncer.process.wire.Slabs;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * The memory that a pool shares with one worker: its {@link Ledger} and its {@link Slab slabs}. A
 * file gives each of them a name for as long as the worker takes to map it.
 *
 * <p>The worker's writer makes them; its reader learns that they are mapped, and closes everything
 * when the worker is dead. What cannot be made is done without.
 */
final class SharedMemory {
  /** A slab and the file that still names it. */
  private record MadeSlab(Path file, Slab slab) {}

  private final MemoryFolder folder;
  private final String prefix;
  private final Slabs slabs = new Slabs();
  private final AtomicReferenceArray<@Nullable MadeSlab> made =
      new AtomicReferenceArray<>(SlabSlot.COUNT);

  private volatile @Nullable Ledger ledger;
  private volatile @Nullable Path ledgerFile;
  private volatile boolean closed;

  /** What was tried before; used by the writer. */
  private final boolean[] tried = new boolean[SlabSlot.COUNT];

  SharedMemory(MemoryFolder folder, int workerId) {
    this.folder = folder;
    this.prefix = "bouncer-" + ProcessHandle.current().pid() + "-worker-" + workerId + "-";
  }

  /** The ledger; null if there is none. Stays readable after the worker's death. */
  @Nullable Ledger ledger() {
    return ledger;
  }

  /** The slabs that the worker has mapped. */
  Slabs slabs() {
    return slabs;
  }

  /** Makes the ledger. Called by the writer, as it takes a moment; null if that is impossible. */
  Outgoing.@Nullable KeepLedger makeLedger() {
    Path file = null;
    try {
      file = folder.create(prefix + "ledger-", Ledger.SIZE);
      ledger = Ledger.map(file);
      ledgerFile = file;
      if (closed) {
        ledgerKept();
      }
      return new Outgoing.KeepLedger(file);
    } catch (IOException | RuntimeException noMemory) {
      if (delete(file)) {
        folder.giveBack(Ledger.SIZE);
      }
      return null;
    }
  }

  /** The worker has mapped its ledger, or will never. */
  void ledgerKept() {
    delete(ledgerFile);
  }

  /** Makes a slab, at the first call. Called by the writer; null if that is impossible. */
  Outgoing.@Nullable ShareSlab makeSlab(SlabSlot slot) {
    if (tried[slot.number()]) {
      return null;
    }
    tried[slot.number()] = true;
    Path file = null;
    try {
      file = folder.create(prefix + "slab-", Slab.fileBytes(slot));
      made.set(slot.number(), new MadeSlab(file, Slab.map(file, slot)));
      if (closed) {
        release(slot);
      }
      return new Outgoing.ShareSlab(file, slot);
    } catch (IOException | RuntimeException noMemory) {
      if (delete(file)) {
        folder.giveBack(Slab.fileBytes(slot));
      }
      return null;
    }
  }

  /**
   * The worker has mapped a slab, or cannot.
   *
   * @return false if no such slab was offered to it
   */
  boolean slabShared(SlabSlot slot, boolean mapped) {
    MadeSlab known = made.get(slot.number());
    if (known == null) {
      return false;
    }
    delete(known.file);
    if (mapped) {
      slabs.put(slot, known.slab);
    } else {
      release(slot);
    }
    return true;
  }

  /** The worker is dead, and everything that it sent was read. */
  void close() {
    closed = true;
    if (ledger != null) {
      ledgerKept();
      folder.giveBack(Ledger.SIZE);
    }
    for (SlabSlot slot : SlabSlot.values()) {
      release(slot);
    }
  }

  private void release(SlabSlot slot) {
    MadeSlab known = made.getAndSet(slot.number(), null);
    if (known != null) {
      delete(known.file);
      known.slab.close();
      folder.giveBack(Slab.fileBytes(slot));
    }
  }

  private static boolean delete(@Nullable Path file) {
    return file != null && file.toFile().delete();
  }
}
