package dev.bouncer.process.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
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
}
