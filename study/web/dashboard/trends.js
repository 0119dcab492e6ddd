/* Trends: every metric against step, one chart under another with one step cursor, and behind each point its images. */

function trendsPanel(context) {
  const { source, state, study, data } = context;
  const element = make("div", "trends");
  const controls = make("div", "controls");
  const legend = make("ul", "legend");
  legend.setAttribute("aria-label", "Lines");
  const refusal = make("p", "refusal");
  refusal.hidden = true;
  const body = make("div", "trends-body");
  const charts = make("div", "charts");
  const side = make("aside", "side");
  const notes = make("ul", "notes quiet");
  side.setAttribute("aria-label", "Images of a point");
  const hint = make("p", "card quiet hint", "Choose a point to see its images, the best first.");
  hint.append(make("span", "by-keys", " Click it, or go to it with the arrow keys and press Enter."));
  const images = checkpointImages(context, () => state.set({ "trends.point": "", "trends.metric": "" }));
  body.append(charts, side);
  element.append(controls, legend, refusal, body, notes);
  for (const part of [controls, legend, body]) part.hidden = true; // until there is something to show
  const isWide = matchMedia("(min-width: 1100px)");
  const isDark = matchMedia("(prefers-color-scheme: dark)");

  let trends = null;
  let agreement = { task: "", metrics: {} };
  let cards = []; // {name, element, chart}
  let drawnFor = "";
  let isShown = false;

  const by = makeSwitch("A line for each", [["", "Run"], ["n", "Training images"]], (value) => state.set({ "trends.by": value, "trends.hidden": "" }));
  const task = makeChoice("People's points of", data.tasks.map((name) => [name, capitalised(name)]), (value) => state.set({ "trends.task": value }));
  const shownMetrics = make("div", "metric-chips");
  shownMetrics.setAttribute("role", "group");
  shownMetrics.setAttribute("aria-label", "Charts");
  shownMetrics.id = "trends-charts";
  shownMetrics.hidden = true;
  const opener = makeButton("opener", "", () => {
    shownMetrics.hidden = !shownMetrics.hidden;
    opener.setAttribute("aria-expanded", String(!shownMetrics.hidden));
  });
  opener.setAttribute("aria-expanded", "false");
  opener.setAttribute("aria-controls", "trends-charts");
  const reset = makeButton("reset", "All steps", () => state.set({ "trends.from": "", "trends.to": "" }));
  controls.append(labelled("A line for each", by.element));
  if (data.tasks.length > 1) controls.append(task.element);
  controls.append(opener, reset, shownMetrics);

  async function show() {
    isShown = true;
    try {
      trends = await busy(element, source.json("trends"));
    } catch (error) {
      refusal.textContent = error.message;
      refusal.hidden = false;
      return;
    }
    if (!isShown) return;
    refusal.hidden = true;
    draw(state.get());
    if (data.tasks.length) addAgreement(state.get()["trends.task"] || data.tasks[0]);
  }

  /* How metrics and people agree takes longer than the lines, so it comes after them. */
  async function addAgreement(asked) {
    if (agreement.task === asked) return;
    agreement = { task: asked, metrics: {} };
    await context.answered; // the answer above all views comes first
    const found = await source.json("agreement", { task: asked }).catch(() => null); // without it there is only no second axis
    if (!found || agreement.task !== asked) return;
    agreement = { task: asked, metrics: found.metrics };
    drawnFor = "";
    if (isShown) draw(state.get());
  }

  function hide() {
    isShown = false;
  }

  function draw(values) {
    const drawing = ["by", "task", "hidden", "metrics", "from", "to"].map((key) => values["trends." + key] || "").join("\n");
    if (drawing !== drawnFor) {
      drawnFor = drawing;
      body.hidden = false;
      for (const part of [controls, legend, side, notes]) part.hidden = !measures().length; // nothing of it without a line
      showControls(values);
      drawCharts(values);
    }
    showImages(values);
  }

  /* ---- controls and legend */

  function measures() {
    const people = trends.people.map((one) => ({ ...one, name: PEOPLE + one.task, direction: "higher" }));
    return [...people, ...trends.metrics].filter((one) => one.lines.some((line) => line.points.length));
  }

  function drawnRuns() {
    return [...new Set(measures().flatMap((one) => one.lines.map((line) => line.run)))].sort((one, other) => one - other);
  }

  function groups(values) {
    return lineGroups(data.runs, drawnRuns(), values["trends.by"] || "");
  }

  function showControls(values) {
    by.show(values["trends.by"] || "");
    by.element.parentElement.hidden = new Set(drawnRuns().map((run) => data.runs[run].n_training_images)).size < 2;
    task.select.value = values["trends.task"] || data.tasks[0] || "";
    reset.hidden = !values["trends.from"] && !values["trends.to"];
    const all = measures().map((one) => one.name);
    const shown = values["trends.metrics"] ? listOf(values["trends.metrics"]) : all;
    opener.textContent = "Charts: " + (shown.length === all.length ? "all " + all.length : shown.length + " of " + all.length);
    shownMetrics.replaceChildren(
      ...all.map((name) => chip(measureTitle(study, name), shown.includes(name), () => toggle("trends.metrics", all, shown, name))),
    );
    showLegend(values);
  }

  function chip(words, isOn, onClick) {
    const button = makeButton("chip", words, onClick);
    button.setAttribute("aria-pressed", String(isOn));
    return button;
  }

  /* Take one out of what is shown or put it back; all is told by nothing in the address, and nothing is not possible. */
  function toggle(key, all, shown, name) {
    const next = all.filter((one) => (one === name ? !shown.includes(one) : shown.includes(one)));
    if (next.length) state.set({ [key]: next.length === all.length ? "" : textOf(next) });
  }

  function showLegend(values) {
    const hidden = listOf(values["trends.hidden"]);
    const unique = new Map([...groups(values).values()].map((group) => [group.key, group]));
    const entries = [...unique.values()].sort((one, other) => one.order - other.order).map((group) => {
      const isOn = !hidden.includes(group.key);
      const button = chip("", isOn, () => {
        const next = isOn ? [...hidden, group.key] : hidden.filter((key) => key !== group.key);
        state.set({ "trends.hidden": textOf(next) });
      });
      button.append(lineSample(group.style), make("span", "", group.words));
      const item = make("li");
      item.append(button);
      return item;
    });
    if (data.checkpoints.some((checkpoint) => checkpoint.is_base)) {
      const base = make("li", "legend-base quiet");
      base.append(lineSample(BASE_STYLE, 14), make("span", "", "the base model, as " + trends.axis + " 0"));
      entries.push(base);
    }
    legend.replaceChildren(...entries);
  }

  /* ---- charts */

  function drawCharts(values) {
    cards.forEach((card) => card.chart && card.chart.destroy());
    const all = measures();
    const wanted = values["trends.metrics"] ? listOf(values["trends.metrics"]) : all.map((one) => one.name);
    const shown = all.filter((one) => wanted.includes(one.name));
    cards = shown.map((measure) => chartCard(context, measure, trends.axis));
    charts.replaceChildren(...cards.map((card) => card.element));
    if (!cards.length) charts.append(make("p", "card quiet", "No metric has values of a checkpoint with a step yet."));
    const common = { ...commonOptions(shown, values), groups: groups(values), hidden: listOf(values["trends.hidden"]) };
    cards.forEach((card) => card.draw({ ...common, agreement: agreement.metrics[card.name] }));
    notes.replaceChildren(...trends.notes.map((words) => make("li", "", words)));
    follow(null);
  }

  function commonOptions(shown, values) {
    const xs = shown.flatMap((one) => one.lines.flatMap((line) => line.points.map((point) => point.x)));
    const least = Math.min(...xs);
    const most = Math.max(...xs);
    const margin = (most - least || 1) * 0.02;
    const whole = [least - margin, most + margin];
    const asked = [Number(values["trends.from"] || NaN), Number(values["trends.to"] || NaN)];
    return {
      xRange: asked[0] < asked[1] ? asked : whole,
      keepsRight: shown.some((one) => (agreement.metrics[one.name] || {}).points_axis),
      syncKey: "humangrade-trends",
      onCursor: follow,
      onRange: (from, to) => state.set({ "trends.from": Math.round(from), "trends.to": Math.round(to) }),
      onOpen: (name, point) => state.set({ "trends.point": data.checkpoints[point.checkpoint].shown, "trends.metric": name, tab: "trends" }),
    };
  }

  /* All charts say their values at the step that the cursor is at, or at the last. */
  function follow(x) {
    cards.forEach((card) => card.follow(x));
  }

  /* ---- images of a point */

  function showImages(values) {
    const checkpoint = study.checkpoint(values["trends.point"] || "");
    const card = cards.find((one) => one.name === values["trends.metric"]) || cards[0];
    cards.forEach((one) => one.mark(checkpoint >= 0 && one === card ? checkpoint : -1));
    hint.hidden = checkpoint >= 0;
    if (checkpoint < 0 || !card) side.replaceChildren(hint);
    else if (!isWide.matches) side.replaceChildren();
    else if (images.element.parentElement !== side) side.replaceChildren(images.element); // put anew, it would lose the focus
    body.classList.toggle("has-images", checkpoint >= 0);
    if (checkpoint < 0 || !card) return images.element.remove();
    const isNew = images.show(checkpoint, card.name, card.wordsOf(checkpoint));
    if (isWide.matches) return;
    if (card.element.nextSibling !== images.element) card.element.after(images.element);
    if (isNew) images.element.scrollIntoView({ block: "nearest" });
  }

  function redraw() {
    cards.forEach((card) => card.chart && card.chart.redraw());
  }

  new ResizeObserver(() => cards.forEach((card) => card.chart && card.chart.resize())).observe(charts);
  isDark.addEventListener("change", redraw);
  isWide.addEventListener("change", () => trends && showImages(state.get()));

  return {
    element,
    show,
    hide,
    keys: () => false,
    help: [
      ["← →", "in a chart: along a line's points (Home, End: first, last)"],
      ["↑ ↓", "in a chart: another line"],
      ["Enter", "in a chart: the images of the point"],
    ],
  };
}

function labelled(words, element) {
  const made = make("div", "labelled");
  made.append(make("span", "quiet", words), element);
  return made;
}
