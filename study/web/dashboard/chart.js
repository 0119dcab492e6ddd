/* One metric against step, drawn by uPlot: lines with interval bands, base models as step 0, markers that are clicked.
   Its points are chosen by mouse, finger or arrows; what happens then is the panel's affair. */

const REACH = 24; // px: how far from a point a click still means it
const LEFT_AXIS = 64;
const RIGHT_AXIS = 70;
const FONT = "13px system-ui, sans-serif";
const BOTTOM_AXIS = 28;
const CHART_HEIGHT = 214;

class TrendChart {
  /* lines: [{style, points: [{checkpoint, x, value, low, high, isBase, isFailed}]}]; words(point) are said beside a point;
     onPoint(point), onCursor(x) and onRange(from, to) hear of a point opened, the step cursor moved, steps dragged over. */
  constructor(host, options) {
    Object.assign(this, { host }, options);
    this.at = null; // {line, i}: the point that is chosen
    this.build();
    this.bindKeys();
    this.bindPointer();
  }

  build() {
    const xs = [...new Set(this.lines.flatMap((line) => line.points.map((point) => point.x)))].sort((one, other) => one - other);
    const columns = [xs];
    const series = [{}];
    const bands = [];
    for (const line of this.lines) {
      const byX = new Map(line.points.map((point) => [point.x, point]));
      // undefined where the line has no checkpoint (drawn across), null where it has no value (a gap)
      const column = (key) => xs.map((x) => (byX.has(x) ? byX.get(x)[key] : undefined));
      const edge = { scale: "y", stroke: "transparent", width: 0, points: { show: false } };
      bands.push({ series: [series.length + 1, series.length], fill: () => this.colour(line.style.colour) + BAND_ALPHA });
      series.push(edge, edge, {
        scale: "y",
        stroke: () => this.colour(line.style.colour),
        width: 2,
        dash: line.style.dash.map((length) => length * devicePixelRatio),
        points: { show: false },
      });
      columns.push(...["low", "high", "value"].map((key) => withWholeGaps(column(key))));
    }
    this.plot = new uPlot(this.plotOptions(xs, series, bands), columns, this.host);
    this.ring = make("i", "ring");
    this.ring.hidden = true;
    this.marked = make("i", "ring ring-marked");
    this.marked.hidden = true;
    this.tip = make("div", "tip");
    this.tip.hidden = true;
    this.plot.over.append(this.ring, this.marked, this.tip);
  }

  plotOptions(xs, series, bands) {
    const axis = (more) => ({
      stroke: () => this.colour("--quiet"),
      grid: { stroke: () => this.colour("--grid"), width: 1 },
      ticks: { show: false },
      font: FONT,
      ...more,
    });
    const digits = (splits) => splits.map((value) => formatted(value, digitsOfTicks(splits[1] - splits[0] || 1)));
    const axes = [axis({ values: (_, splits) => splits.map(stepWords), splits: (plot) => apart(xs, plot), size: BOTTOM_AXIS })];
    axes.push(axis({ scale: "y", size: LEFT_AXIS, values: (_, splits) => digits(splits) }));
    if (this.points_axis) {
      const { at, per_unit } = this.points_axis;
      axes.push(
        axis({
          scale: "points",
          side: 1,
          size: RIGHT_AXIS - this.labelSize(),
          label: this.labelSize() ? "people's points" : null,
          labelSize: this.labelSize(),
          labelFont: FONT,
          grid: { show: false },
          values: (_, splits) => digits(splits).map((words, i) => (splits[i] > 0 ? "+" : "") + words),
        }),
      );
      this.toPoints = (value) => (value - at) * per_unit;
    }
    const scales = { x: { time: false, range: () => this.xRange }, y: { range: (_, low, high) => this.yRange(low, high) } };
    if (this.points_axis) {
      scales.points = { from: "y", range: (_, low, high) => [this.toPoints(low), this.toPoints(high)] };
    }
    return {
      width: this.width(),
      height: CHART_HEIGHT,
      series,
      bands,
      axes,
      scales,
      legend: { show: false },
      padding: [12, this.points_axis ? 0 : this.keepsRight ? RIGHT_AXIS : 16, 0, 0],
      cursor: { y: false, points: { show: false }, drag: { x: true, y: false, dist: 8, setScale: false }, sync: { key: this.syncKey, scales: ["x", null] } },
      hooks: {
        drawAxes: [(plot) => this.null && drawNull(plot, this.null, (name) => this.colour(name))],
        draw: [(plot) => drawMarkers(plot, this.lines, (name) => this.colour(name))],
        setCursor: [(plot) => this.cursorMoved(plot)],
        setSelect: [(plot) => this.selected(plot)],
        setSize: [() => this.marked && (this.place(), this.markCheckpoint(this.opened))],
      },
    };
  }

  width() {
    return Math.max(200, this.host.clientWidth);
  }

  /* Room for the right axis's name, where the screen has it. */
  labelSize() {
    return this.width() > 600 ? 22 : 0;
  }

  colour(variable) {
    return colourOf(this.host, variable);
  }

  yRange(low, high) {
    const more = this.null ? [this.null.low, this.null.high] : [];
    const all = [low, high, ...more].filter((value) => Number.isFinite(value));
    return all.length ? uPlot.rangeNum(Math.min(...all), Math.max(...all), 0.08, true) : [0, 1];
  }

  // ---- choosing points

  /* A point's place in CSS pixels within the plotting area. */
  position(point) {
    const y = point.value === null ? this.plot.over.clientHeight - 8 : this.plot.valToPos(point.value, "y");
    return [this.plot.valToPos(point.x, "x"), y];
  }

  /* The nearest point within reach of a place in the plotting area, as {line, i}, or null. */
  nearest(left, top) {
    let best = null;
    let least = REACH;
    this.lines.forEach((line, number) => {
      line.points.forEach((point, i) => {
        const [x, y] = this.position(point);
        const distance = Math.hypot(x - left, y - top);
        if (distance < least || (distance === least && !best)) [best, least] = [{ line: number, i }, distance];
      });
    });
    return best;
  }

  point(at) {
    return at && this.lines[at.line] ? this.lines[at.line].points[at.i] || null : null;
  }

  bindPointer() {
    const { over } = this.plot;
    let down = null;
    over.addEventListener("mousedown", (event) => (down = [event.clientX, event.clientY]));
    over.addEventListener("mousemove", (event) => this.choose(this.nearest(...within(over, event))));
    over.addEventListener("mouseleave", () => this.host.contains(document.activeElement) || this.choose(null));
    over.addEventListener("click", (event) => {
      if (down && Math.hypot(event.clientX - down[0], event.clientY - down[1]) > 4) return; // the end of a drag
      const at = this.nearest(...within(over, event));
      this.choose(at);
      if (at) this.onPoint(this.point(at));
    });
  }

  bindKeys() {
    this.host.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.target !== this.host) return;
      if (!this.pressed(event.key)) return;
      event.preventDefault();
      event.stopPropagation();
    });
    this.host.addEventListener("focus", () => this.at || this.choose(this.first()));
    this.host.addEventListener("blur", () => this.choose(null));
  }

  first() {
    const line = this.lines.findIndex((one) => one.points.length);
    return line < 0 ? null : { line, i: this.lines[line].points.length - 1 };
  }

  pressed(key) {
    const at = this.at || this.first();
    if (!at) return false;
    const points = this.lines[at.line].points;
    if (key === "Enter" || key === " ") this.onPoint(this.point(at));
    else if (key === "ArrowLeft" || key === "ArrowRight") {
      const i = at.i + (key === "ArrowLeft" ? -1 : 1);
      if (points[i]) this.choose({ line: at.line, i }, true);
    } else if (key === "Home") this.choose({ line: at.line, i: 0 }, true);
    else if (key === "End") this.choose({ line: at.line, i: points.length - 1 }, true);
    else if (key === "ArrowUp" || key === "ArrowDown") this.choose(this.otherLine(at, key === "ArrowUp" ? -1 : 1), true);
    else return false;
    return true;
  }

  /* The next line's point that is nearest in step. */
  otherLine(at, by) {
    const count = this.lines.length;
    let number = at.line;
    do number = (number + by + count) % count;
    while (!this.lines[number].points.length);
    const { x } = this.point(at);
    const points = this.lines[number].points;
    const i = points.reduce((best, point, j) => (Math.abs(point.x - x) < Math.abs(points[best].x - x) ? j : best), 0);
    return { line: number, i };
  }

  choose(at, isByKey = false) {
    this.at = at;
    this.place();
    this.plot.over.style.cursor = at ? "pointer" : "crosshair";
    const point = this.point(at);
    if (!point) return;
    if (isByKey) {
      this.plot.setCursor({ left: this.position(point)[0], top: 0 });
      this.say(this.words(point).join(", "));
    }
  }

  /* Keep a ring around the point of a checkpoint; -1 for none. */
  markCheckpoint(checkpoint) {
    this.opened = checkpoint;
    const point = this.lines.flatMap((line) => line.points).find((one) => one.checkpoint === checkpoint);
    this.marked.hidden = !point;
    if (point) this.marked.style.transform = "translate(" + this.position(point).map((at) => at + "px").join(", ") + ")";
  }

  /* Ring and words beside the chosen point. */
  place() {
    const point = this.point(this.at);
    if (!this.ring) return;
    this.ring.hidden = this.tip.hidden = !point;
    if (!point) return;
    const [x, y] = this.position(point);
    this.ring.style.transform = "translate(" + x + "px, " + y + "px)";
    const [name, ...more] = this.words(point);
    const head = make("strong");
    head.append(lineSample(styleOf(point, this.lines[this.at.line]), 14), name);
    this.tip.replaceChildren(head, ...more.map((words) => make("span", "", words)));
    const isRight = x > this.plot.over.clientWidth / 2;
    this.tip.style.left = isRight ? "" : x + 14 + "px";
    this.tip.style.right = isRight ? this.plot.over.clientWidth - x + 14 + "px" : "";
    this.tip.style.top = Math.min(Math.max(0, y - 30), this.plot.over.clientHeight - 76) + "px";
  }

  cursorMoved(plot) {
    const { left, idx } = plot.cursor;
    this.onCursor(left < 0 || idx === null || idx === undefined ? null : plot.data[0][idx]);
  }

  /* A drag over steps: the panel shows them in all charts. */
  selected(plot) {
    if (plot.select.width < 8) return;
    const from = plot.posToVal(plot.select.left, "x");
    const to = plot.posToVal(plot.select.left + plot.select.width, "x");
    plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    this.onRange(from, to);
  }

  resize() {
    this.plot.setSize({ width: this.width(), height: CHART_HEIGHT });
  }

  redraw() {
    this.plot.redraw();
  }

  destroy() {
    this.plot.destroy();
  }
}
