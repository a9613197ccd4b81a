package dev.bouncer.benchmarks;

import com.google.errorprone.annotations.FormatMethod;
import com.google.errorprone.annotations.FormatString;
import dev.bouncer.benchmarks.AdaptiveSimulation.Run;
import dev.bouncer.benchmarks.AdaptiveSimulation.Service;
import java.util.List;
import java.util.Locale;

/** Draws the limits of the simulation over time, one panel a service and algorithm, as SVG. */
final class AdaptivePicture {
  private static final int PANEL_WIDTH = 420;
  private static final int PANEL_HEIGHT = 150;
  private static final int MARGIN = 50;
  private static final int HIGHEST = 150;

  private record Panel(String title, AdaptiveContender ours, AdaptiveContender theirs) {}

  private static final List<Panel> PANELS =
      List.of(
          new Panel("Vegas", AdaptiveContender.BOUNCER_VEGAS, AdaptiveContender.NETFLIX_VEGAS),
          new Panel(
              "Gradient2",
              AdaptiveContender.BOUNCER_GRADIENT2,
              AdaptiveContender.NETFLIX_GRADIENT2),
          new Panel("AIMD", AdaptiveContender.BOUNCER_AIMD, AdaptiveContender.NETFLIX_AIMD));

  private AdaptivePicture() {}

  static String draw() {
    int width = 2 * (PANEL_WIDTH + MARGIN) + MARGIN;
    int height = PANELS.size() * (PANEL_HEIGHT + MARGIN) + 2 * MARGIN;
    StringBuilder svg = new StringBuilder();
    add(
        svg,
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %d %d' font-family='sans-serif'"
            + " font-size='12'>",
        width,
        height);
    add(svg, "<rect width='%d' height='%d' fill='white'/>", width, height);
    add(
        svg,
        "<text x='%d' y='20'>The limit over 90 seconds. Grey: the workers of the service."
            + " <tspan fill='#0b6e4f'>Green: Bouncer.</tspan>"
            + " <tspan fill='#c1440e'>Red: Netflix concurrency-limits.</tspan></text>",
        MARGIN);
    List<Service> services = List.of(Service.QUEUES, Service.REFUSES);
    for (Service service : services) {
      for (int row = 0; row < PANELS.size(); row++) {
        int x = MARGIN + services.indexOf(service) * (PANEL_WIDTH + MARGIN);
        int y = MARGIN + row * (PANEL_HEIGHT + MARGIN) + 10;
        panel(svg, PANELS.get(row), service, x, y);
      }
    }
    return svg.append("</svg>\n").toString();
  }

  private static void panel(StringBuilder svg, Panel panel, Service service, int x, int y) {
    add(
        svg,
        "<text x='%d' y='%d'>%s, a service that %s</text>",
        x,
        y - 6,
        panel.title,
        service.name().toLowerCase(Locale.ROOT));
    for (int limit = 0; limit <= HIGHEST; limit += 50) {
      double level = y + PANEL_HEIGHT - height(limit);
      add(
          svg,
          "<path d='M%d %.1f h%d' stroke='#eee'/><text x='%d' y='%.1f' text-anchor='end'>%d</text>",
          x,
          level,
          PANEL_WIDTH,
          x - 5,
          level + 4,
          limit);
    }
    for (int second = 0; second <= AdaptiveSimulation.SECONDS; second += 30) {
      add(
          svg,
          "<text x='%.1f' y='%d' text-anchor='middle'>%d s</text>",
          x + second * (double) PANEL_WIDTH / AdaptiveSimulation.SECONDS,
          y + PANEL_HEIGHT + 15,
          second);
    }
    line(svg, AdaptiveSimulation.workers(), "#aaa", 3, x, y);
    line(svg, AdaptiveSimulation.run(panel.theirs, service, 1), "#c1440e", x, y);
    line(svg, AdaptiveSimulation.run(panel.ours, service, 1), "#0b6e4f", x, y);
  }

  private static void line(StringBuilder svg, Run run, String colour, int x, int y) {
    line(svg, run.limits(), colour, 1.2, x, y);
  }

  private static void line(
      StringBuilder svg, List<Integer> limits, String colour, double width, int x, int y) {
    StringBuilder points = new StringBuilder();
    for (int step = 0; step < limits.size(); step += 2) {
      points.append(
          String.format(
              Locale.ROOT,
              "%.1f,%.1f ",
              x + step * (double) PANEL_WIDTH / limits.size(),
              y + PANEL_HEIGHT - height(limits.get(step))));
    }
    add(
        svg,
        "<polyline points='%s' fill='none' stroke='%s' stroke-width='%.1f'/>",
        points.toString().strip(),
        colour,
        width);
  }

  private static double height(int limit) {
    return Math.min(limit, HIGHEST) * (double) PANEL_HEIGHT / HIGHEST;
  }

  @FormatMethod
  private static void add(StringBuilder svg, @FormatString String format, Object... values) {
    svg.append(String.format(Locale.ROOT, format, values)).append('\n');
  }
}
