/* What a chart is drawn of: gaps, ticks, what no difference would show, and markers. */

const BAND_ALPHA = "24"; // of 255, in hexadecimal

/* The steps that have points and stand in sight, as many as have room for their numbers. */
function apart(xs, plot) {
  const kept = [];
  for (const x of xs) {
    const isIn = x >= plot.scales.x.min && x <= plot.scales.x.max;
    if (isIn && (!kept.length || plot.valToPos(x, "x") - plot.valToPos(kept[kept.length - 1], "x") > 48)) kept.push(x);
  }
  return kept;
}

/* A gap reaches from one known value to the next, also over steps that only other lines have. */
function withWholeGaps(column) {
  for (const step of [1, -1]) {
    const places = step > 0 ? [...column.keys()] : [...column.keys()].reverse();
    for (const i of places) if (column[i] === undefined && column[i - step] === null) column[i] = null;
  }
  return column;
}

/* What no difference would show: a band with dashed edges behind the lines. */
function drawNull(plot, range, colour) {
  const { ctx, bbox } = plot;
  const [low, high] = [range.low, range.high].map((value) => plot.valToPos(value, "y", true));
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.fillStyle = colour(NEUTRAL) + BAND_ALPHA;
  ctx.fillRect(bbox.left, high, bbox.width, low - high);
  ctx.strokeStyle = colour(NEUTRAL);
  ctx.lineWidth = 1.5 * devicePixelRatio;
  ctx.setLineDash([6 * devicePixelRatio, 5 * devicePixelRatio]);
  ctx.beginPath();
  for (const y of low === high ? [low] : [low, high]) {
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
  }
  ctx.stroke();
  ctx.restore();
}

/* Each point in its line's marker; a checkpoint without a value is crossed out at the lower edge. */
function drawMarkers(plot, lines, colour) {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left - 8 * ratio, bbox.top - 8 * ratio, bbox.width + 16 * ratio, bbox.height + 16 * ratio);
  ctx.clip();
  ctx.strokeStyle = colour("--card");
  ctx.lineWidth = 1.5 * ratio;
  ctx.setLineDash([]); // the last line's stands there
  for (const line of lines) {
    for (const point of line.points) {
      const style = styleOf(point, line);
      const x = plot.valToPos(point.x, "x", true);
      ctx.fillStyle = colour(style.colour);
      if (point.value !== null) drawMarker(ctx, style.marker, x, plot.valToPos(point.value, "y", true), 4.5 * ratio);
      else if (point.isFailed) drawCross(ctx, x, bbox.top + bbox.height - 8 * ratio, 4 * ratio);
    }
  }
  ctx.restore();
}

function styleOf(point, line) {
  return point.isBase ? BASE_STYLE : line.style;
}

function drawCross(ctx, x, y, arm) {
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle;
  ctx.lineWidth = arm / 2;
  ctx.beginPath();
  ctx.moveTo(x - arm, y - arm);
  ctx.lineTo(x + arm, y + arm);
  ctx.moveTo(x + arm, y - arm);
  ctx.lineTo(x - arm, y + arm);
  ctx.stroke();
  ctx.restore();
}

function drawMarker(ctx, marker, x, y, r) {
  const path = new Path2D(markerPath(marker, x, y, r));
  ctx.fill(path);
  ctx.stroke(path);
}

function within(node, event) {
  const box = node.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}
