/* A chart with what must be read beside it: its title and direction, its values at the step cursor, what failed, its null,
   people's points, and its figures as a table. */

function chartCard(context, measure, axis) {
  const { study, data } = context;
  const metric = study.metrics.get(measure.name);
  const title = measureTitle(study, measure.name);
  const element = make("section", "card chart-card");
  element.setAttribute("aria-label", title);
  const head = make("div", "chart-head");
  const heading = make("h3", "", title);
  head.append(heading);
  if (measure.direction) head.append(make("span", "quiet direction", measure.direction === "higher" ? "↑ higher is better" : "↓ lower is better"));
  if (metric && metric.failed) head.append(failedMark(metric));
  const readout = make("p", "readout number");
  const host = make("div", "chart-host");
  host.tabIndex = 0;
  host.setAttribute("role", "application");
  host.setAttribute("aria-roledescription", "chart");
  host.setAttribute("aria-label", title + " against " + axis + ". Arrows go along its points, Enter shows their images.");
  const said = make("p", "for-readers");
  said.setAttribute("aria-live", "polite");
  const captions = make("div", "captions");
  element.append(head, readout, host, said, captions, figuresTable());
  const digits = digitsFor(measure.lines.flatMap((line) => line.points.flatMap((point) => [point.value, point.low, point.high])));
  const card = { name: measure.name, element, chart: null, lines: [], draw, follow, mark, wordsOf };

  /* agreement: {sentence, points_axis}, or nothing yet. */
  function draw({ groups, hidden, agreement, onOpen, ...options }) {
    card.lines = measure.lines
      .map((line) => ({ ...line, ...groups.get(line.run), points: withGaps(line) }))
      .filter((line) => !hidden.includes(line.key));
    const points_axis = agreement ? agreement.points_axis : null;
    card.chart = new TrendChart(host, {
      ...options,
      lines: card.lines,
      null: measure.null || null,
      points_axis,
      words: (point) => [data.checkpoints[point.checkpoint].shown, ...wordsOfFigures(point)],
      say: (text) => (said.textContent = text),
      onPoint: (point) => onOpen(measure.name, point),
    });
    const words = [points_axis && "Right axis: " + points_axis.words, measure.null && "Dashed: " + measure.null.words, agreement && agreement.sentence, agreement && agreement.why];
    captions.replaceChildren(...words.filter(Boolean).map((text) => make("p", "note", text)));
  }

  /* A line's points with those checkpoints of its run that have no value, where the line is broken. */
  function withGaps(line) {
    const known = new Set(line.points.map((point) => point.checkpoint));
    const points = line.points.map((point) => ({ ...point, isBase: data.checkpoints[point.checkpoint].is_base }));
    data.checkpoints.forEach((checkpoint, index) => {
      if (checkpoint.run !== line.run || known.has(index) || checkpoint[axis] === null) return;
      const reason = failureOf(index);
      const none = { value: null, low: null, high: null, n: 0 };
      points.push({ ...none, checkpoint: index, x: checkpoint[axis], isFailed: Boolean(reason), note: reason || "not measured" });
    });
    return points.sort((one, other) => one.x - other.x);
  }

  /* Why a checkpoint has no value, where images of it were tried. */
  function failureOf(checkpoint) {
    const failures = data.failures[measure.name] || {};
    const place = study.ofCheckpoint[checkpoint].find((one) => one in failures);
    return place === undefined ? "" : failures[place];
  }

  function wordsOfFigures(point) {
    if (point.value === null) return ["no value: " + point.note];
    const words = [formatted(point.value, digits)];
    if (point.low !== null && point.high !== null) words.push("95 %: " + formatted(point.low, digits) + " to " + formatted(point.high, digits));
    if (point.null !== null && point.null !== undefined) words.push("no difference: " + formatted(point.null, digits));
    return [...words, counted(point.n, "image"), point.note].filter(Boolean);
  }

  /* What is said of a checkpoint's figure; [] where it has none here. */
  function wordsOf(checkpoint) {
    const point = card.lines.flatMap((line) => line.points).find((one) => one.checkpoint === checkpoint);
    return point ? wordsOfFigures(point) : [];
  }

  /* The lines' values at a step; where the cursor is elsewhere, at the last one that has any. */
  function follow(x) {
    const known = card.lines.flatMap((line) => line.points.filter((point) => point.value !== null));
    const at = x === null ? Math.max(...known.map((point) => point.x)) : x;
    readout.replaceChildren();
    if (!known.length) return;
    readout.append(make("span", "quiet at", axis + " " + stepWords(at)));
    for (const line of card.lines) {
      const point = line.points.find((one) => one.x === at);
      const entry = make("span", "entry");
      entry.title = line.words;
      entry.append(lineSample(line.style, 14), point && point.value !== null ? formatted(point.value, digits) : "–");
      readout.append(entry);
    }
  }

  /* The point whose images are shown keeps a mark. */
  function mark(checkpoint) {
    card.chart.markCheckpoint(checkpoint);
  }

  function figuresTable() {
    const details = make("details", "figures-table");
    details.append(make("summary", "", "Figures"));
    details.addEventListener("toggle", () => details.open && details.children.length < 2 && details.append(table()));
    return details;
  }

  function table() {
    const made = make("table");
    const columns = ["Checkpoint", capitalised(axis), "Value", "95 % interval", "Images"];
    const headRow = make("tr");
    headRow.append(
      ...columns.map((words) => {
        const cell = make("th", "", words);
        cell.scope = "col";
        return cell;
      }),
    );
    const points = new Map(card.lines.flatMap((line) => line.points).map((point) => [point.checkpoint, point]));
    const rows = [...points.values()].map((point) => {
      const row = make("tr");
      const range = point.low === null || point.high === null ? "–" : formatted(point.low, digits) + " to " + formatted(point.high, digits);
      const value = point.value === null ? point.note : formatted(point.value, digits);
      const cells = [data.checkpoints[point.checkpoint].shown, stepWords(point.x), value, range, String(point.n)];
      row.append(...cells.map((words, i) => make("td", i ? "number" : "", words)));
      return row;
    });
    const [top, rest] = [make("thead"), make("tbody")];
    top.append(headRow);
    rest.append(...rows);
    made.append(top, rest);
    const scroll = make("div", "scroll");
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "group");
    scroll.setAttribute("aria-label", "Figures of " + title);
    scroll.append(made);
    return scroll;
  }

  return card;
}

function failedMark(metric) {
  return make("span", "mark mark-bad", counted(metric.failed, "image") + " without a value: " + metric.note);
}
