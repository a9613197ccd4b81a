package dev.bouncer.cli.fetch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReportTest {
  @TempDir private Path folder;

  @Test
  void resume_fileThatIsNoReport_staysAsItIs() throws Exception {
    for (String text :
        new String[] {"http://a.example/\nhttp://b.example/", "no line end", "{\"x\":1}\nmore"}) {
      Path path = Files.writeString(folder.resolve("urls.txt"), text);
      assertThrows(IOException.class, () -> Report.resume(path), text);
      assertEquals(text, Files.readString(path));
    }
  }

  @Test
  void resume_tornLastLine_isCutOff() throws Exception {
    Path path = folder.resolve("report.ndjson");
    try (Report report = Report.begin(path)) {
      report.add(Entry.malformed(Instant.EPOCH, "x", "y"));
    }
    String whole = Files.readString(path);
    assertTrue(whole.startsWith("{\"url\":"));
    for (String torn : new String[] {"{", "{\"url\":\"http://a", "{\"url\":\"http://\u00e4"}) {
      Files.writeString(path, whole + torn);
      Report.resume(path).close();
      assertEquals(whole, Files.readString(path));
    }
  }
}
