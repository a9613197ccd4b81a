package dev.bouncer.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Figures with the target beside each of them, as Markdown. */
final class Table {
  private final String title;
  private final List<List<String>> rows = new ArrayList<>();

  Table(String title) {
    this.title = title;
    rows.add(List.of("#", "what", "bouncer", "peer", "ratio", "target", "met"));
  }

  /** Adds one comparison. */
  void add(
      String id, String what, String ours, String peer, String ratio, String target, boolean met) {
    rows.add(List.of(id, what, ours, peer, ratio, target, met ? "yes" : "NO"));
  }

  /** Adds a peer that no target is set against. */
  void addPeer(String id, String what, String ours, String peer, String ratio) {
    rows.add(List.of(id, what, ours, peer, ratio, "", ""));
  }

  static String number(double value) {
    return String.format(
        Locale.ROOT, value >= 100 ? "%,.0f" : value >= 10 ? "%.1f" : "%.2f", value);
  }

  static String range(Rounds.Figures figures, String unit) {
    return number(figures.median())
        + " ("
        + number(figures.least())
        + "–"
        + number(figures.most())
        + ") "
        + unit;
  }

  static String ratio(double ratio) {
    return String.format(Locale.ROOT, "%.2fx", ratio);
  }

  @Override
  public String toString() {
    int columns = rows.getFirst().size();
    int[] widths = new int[columns];
    for (List<String> row : rows) {
      for (int c = 0; c < columns; c++) {
        widths[c] = Math.max(widths[c], row.get(c).length());
      }
    }
    StringBuilder text = new StringBuilder("\n" + title + "\n\n");
    for (int r = 0; r < rows.size(); r++) {
      append(text, rows.get(r), widths, " ");
      if (r == 0) {
        append(text, rows.getFirst().stream().map(_ -> "").toList(), widths, "-");
      }
    }
    return text.append('\n').toString();
  }

  private static void append(StringBuilder text, List<String> row, int[] widths, String fill) {
    for (int c = 0; c < row.size(); c++) {
      text.append("| ")
          .append(row.get(c))
          .repeat(fill, widths[c] - row.get(c).length())
          .append(' ');
    }
    text.append("|\n");
  }
}
