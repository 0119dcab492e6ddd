/* What the comparison says in figures: a table of differences with their intervals drawn, and for two runs the
   differences at each step. Numbers and sentences come from the route; nothing statistical is computed here. */

const PLAIN_MEANS = "These are plain means of pairs of the same prompt and seed, right minus left; the intervals of these two checkpoints are in the live dashboard.";
const NOTHING_TOLD = "No difference is told: these two have no images of the same prompt and one known seed.";
const INTERVAL_WIDTH = 120;
const INTERVAL_HEIGHT = 24;
const STEPS_HEIGHT = 150;
const STEPS_MARGIN = { left: 58, right: 26, top: 10, bottom: 26 };

/* The table of two checkpoints; rows are {name, left, right, difference, low, high, n, sentence}. */
function differencesTable(rows) {
  const table = make("table", "compare-table");
  const head = make("tr");
  for (const words of ["Metric", "Left", "Right", "Difference", "95 % interval", "Pairs"]) {
    const cell = make("th", "", words);
    cell.scope = "col";
    head.append(cell);
  }
  const body = make("tbody");
  for (const row of rows) body.append(...differenceRows(row));
  const top = make("thead");
  top.append(head);
  table.append(top, body);
  return table;
}

function differenceRows(row) {
  const made = make("tr");
  const name = make("th", "", row.title);
  name.scope = "row";
  const digits = digitsFor([row.left, row.right, row.difference, row.low, row.high].filter((value) => Number.isFinite(value)));
  const number = (label, value, className) => {
    const cell = make("td", "number " + (className || ""), value);
    cell.dataset.label = label;
    return cell;
  };
  const interval = number("95 % interval", "");
  if (isKnown(row.low) && isKnown(row.high)) {
    interval.append(intervalDrawing(row));
    interval.title = formatted(row.low, digits) + " to " + formatted(row.high, digits);
  } else {
    interval.textContent = "–";
  }
  made.append(
    name,
    number("Left", formatted(row.left ?? NaN, digits)),
    number("Right", formatted(row.right ?? NaN, digits)),
    number("Difference", signed(row.difference ?? NaN, digits), clearClass(row)),
    interval,
    number("Pairs", row.n === null || row.n === undefined ? "–" : grouped(row.n)),
  );
  if (!row.sentence) return [made];
  const said = make("tr", "compare-said");
  const cell = make("td", "", row.sentence);
  cell.colSpan = 6;
  said.append(cell);
  return [made, said];
}

function isKnown(value) {
  return value !== null && Number.isFinite(value);
}

/* "better" or "worse" where zero is outside the interval, and the metric sorts as people do as far as that is known. */
function clearClass({ difference, low, high, direction, sorts }) {
  return isKnown(low) && isKnown(high) && (low > 0 || high < 0) && sorts !== "no" ? changeClass(difference, direction) : "";
}

/* Rows of plain means of pairs, people's first: for an exported file, which holds no interval of these two checkpoints. */
function plainRows({ data, study }, pairs, task, agreements) {
  const people = task ? [{ name: "people", title: "People (" + task + ")", direction: "higher", column: data.people[task].mean }] : [];
  const metrics = data.metrics.filter(({ kind }) => kind === "image").map((metric) => ({ ...metric, column: data.values[metric.name] }));
  return [...people, ...metrics].flatMap(({ name, title, direction, column }) => {
    const both = pairs.filter((pair) => pair.every((place) => column[place] !== null));
    if (!both.length) return [];
    const [left, right] = [0, 1].map((side) => both.reduce((total, pair) => total + column[pair[side]], 0) / both.length);
    const { sorts = null, sentence = "" } = agreements[name] || {};
    return [{ name, title, direction, left, right, difference: right - left, low: null, high: null, n: both.length, sorts, sentence }];
  });
}

/* A difference with its interval against zero. */
function intervalDrawing(row) {
  const { difference, low, high } = row;
  const reach = Math.max(Math.abs(low), Math.abs(high)) * 1.1 || 1;
  const x = (value) => (((value + reach) / (2 * reach)) * INTERVAL_WIDTH).toFixed(1);
  const middle = INTERVAL_HEIGHT / 2;
  const svg = makeSvg("svg", { viewBox: "0 0 " + INTERVAL_WIDTH + " " + INTERVAL_HEIGHT, class: "compare-interval", "aria-hidden": "true" });
  const kind = clearClass(row);
  svg.append(
    makeSvg("line", { x1: x(0), x2: x(0), y1: 0, y2: INTERVAL_HEIGHT, class: "compare-zero" }),
    makeSvg("line", { x1: x(low), x2: x(high), y1: middle, y2: middle, class: "compare-line " + kind }),
    makeSvg("circle", { cx: x(difference), cy: middle, r: 4.5, class: kind }),
  );
  return svg;
}

/* One drawing a metric of two runs: the difference at each step with its interval; a point opens its checkpoints. */
function stepsDrawings(steps, axis, onOpen) {
  const names = [...new Set(steps.flatMap((step) => step.metrics.map((metric) => metric.name)))];
  return names.flatMap((name) => {
    const points = steps.flatMap((step) => {
      const metric = step.metrics.find((one) => one.name === name);
      return metric && isKnown(metric.difference) ? [{ ...step, ...metric, leftCheckpoint: step.left, rightCheckpoint: step.right }] : [];
    });
    return points.length ? [stepsDrawing(points, axis, onOpen)] : [];
  });
}

function stepsDrawing(points, axis, onOpen) {
  const figure = make("figure", "card compare-steps");
  const width = 520;
  const { left, right, top, bottom } = STEPS_MARGIN;
  const values = points.flatMap((point) => [point.difference, point.low, point.high]).filter(isKnown);
  const [lowest, highest] = [Math.min(0, ...values), Math.max(0, ...values)];
  const room = (highest - lowest || 1) * 0.08;
  const xs = points.map((point) => point.x);
  const [first, last] = [Math.min(...xs), Math.max(...xs)];
  const x = (value) => left + ((width - left - right) * (last > first ? (value - first) / (last - first) : 0.5));
  const y = (value) => top + (STEPS_HEIGHT - top - bottom) * (1 - (value - lowest + room) / (highest - lowest + 2 * room));
  const digits = digitsFor(values);
  const svg = makeSvg("svg", { viewBox: "0 0 " + width + " " + STEPS_HEIGHT, role: "group", "aria-label": points[0].title + ": difference at each " + axis });
  const line = (x1, y1, x2, y2, className) => svg.append(makeSvg("line", { x1, y1, x2, y2, class: className }));
  const text = (words, at, className, anchor) => {
    const made = makeSvg("text", { ...at, class: className, "text-anchor": anchor });
    made.textContent = words;
    svg.append(made);
  };
  line(left, y(0), width - right, y(0), "compare-zero");
  for (const value of new Set([lowest, 0, highest])) text(signed(value, digits), { x: left - 8, y: y(value) + 4 }, "compare-tick", "end");
  for (const value of ticksOf(xs)) text(grouped(value), { x: x(value), y: STEPS_HEIGHT - 6 }, "compare-tick", "middle");
  const path = points.map((point, i) => (i ? "L" : "M") + x(point.x).toFixed(1) + " " + y(point.difference).toFixed(1)).join("");
  svg.append(makeSvg("path", { d: path, class: "compare-course" }));
  for (const point of points) {
    const kind = clearClass(point);
    if (isKnown(point.low) && isKnown(point.high)) line(x(point.x), y(point.low), x(point.x), y(point.high), "compare-line " + kind);
    const words = axis + " " + grouped(point.x) + ": " + signed(point.difference, digits) + (isKnown(point.low) ? " (" + formatted(point.low, digits) + " to " + formatted(point.high, digits) + ")" : "");
    const dot = makeSvg("g", { class: "compare-dot " + kind, role: "button", tabindex: 0, "aria-label": words + ", open" });
    const title = makeSvg("title");
    title.textContent = words + (point.sentence ? "\n" + point.sentence : "");
    dot.append(title, makeSvg("circle", { cx: x(point.x), cy: y(point.difference), r: 14, class: "compare-reach" }), makeSvg("circle", { cx: x(point.x), cy: y(point.difference), r: 5 }));
    dot.addEventListener("click", () => onOpen(point));
    dot.addEventListener("keydown", (event) => event.key === "Enter" && onOpen(point));
    svg.append(dot);
  }
  const caption = make("figcaption");
  caption.append(make("h3", "", points[0].title), make("span", "quiet", "right minus left at each " + axis));
  figure.append(caption, svg);
  const final = points[points.length - 1];
  if (final.sentence) figure.append(make("p", "note", capitalised(axis) + " " + grouped(final.x) + ": " + final.sentence));
  return figure;
}

/* At most five of the numbers, evenly among them, with the first and the last. */
function ticksOf(xs) {
  const own = [...new Set(xs)].sort((one, other) => one - other);
  if (own.length <= 5) return own;
  return [0, 1, 2, 3, 4].map((i) => own[Math.round((i * (own.length - 1)) / 4)]);
}
