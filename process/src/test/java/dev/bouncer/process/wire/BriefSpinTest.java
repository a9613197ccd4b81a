package dev.bouncer.process.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class BriefSpinTest {
  private int looks;

  @Test
  void await_conditionThatIsTrue_returnsAfterOneLook() throws IOException {
    BriefSpin spin = new BriefSpin();
    assertTrue(spin.await(() -> ++looks == 1));
    assertEquals(1, looks);
  }

  @Test
  void await_conditionThatNeverComesTrue_givesUpAndSoonHardlyTriesAnyMore() throws IOException {
    BriefSpin spin = new BriefSpin();
    int waitsWithLooks = 0;
    for (int i = 0; i < 640; i++) {
      int before = looks;
      assertFalse(
          spin.await(() -> {
            looks++;
            return false;
          }));
      waitsWithLooks += looks > before ? 1 : 0;
    }
    assertTrue(waitsWithLooks <= 4 + 640 / 64, "waits " + waitsWithLooks);
  }

  @Test
  void await_conditionThatThrows_throws() {
    assertThrows(
        IOException.class,
        () ->
            new BriefSpin()
                .await(() -> {
                  throw new IOException("broken");
                }));
  }

  @Test
  void await_whereEveryLookIsSlow_pausesLongerAndLonger() throws IOException {
    BriefSpin spin = new BriefSpin();
    long start = System.nanoTime();
    while (spin.pauseNanos() < BriefSpin.MAX_PAUSE_NANOS) {
      assertTrue(System.nanoTime() - start < TimeUnit.SECONDS.toNanos(60), "never paused for long");
      assertFalse(spin.await(BriefSpinTest::isFalseAfterAWhile));
    }
    assertTrue(System.nanoTime() - start > BriefSpin.MAX_PAUSE_NANOS / 2, "pauses were too short");
  }

  private static boolean isFalseAfterAWhile() {
    long start = System.nanoTime();
    while (System.nanoTime() - start < 100_000) {
      Thread.onSpinWait();
    }
    return false;
  }
}
