/* What a chart is drawn of: gaps, ticks and markers. */

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
