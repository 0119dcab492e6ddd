/* What the gallery is sorted and filtered by, as choices; `onChange` takes what goes into the address. */

function galleryControls(context, quantities, onChange) {
  const { data } = context;
  const element = make("div", "gallery-controls");
  const set = (key) => (value) => onChange({ [key]: value });
  const seeds = [...new Set(data.images.seed.map((seed) => seed || ""))].sort(naturally);
  const failing = data.metrics.filter((metric) => Object.keys(data.failures[metric.name] || {}).length);
  const isRated = data.tasks.some((task) => data.people[task].n.some((n) => n > 0));
  const all = [["", "all"]];
  const sort = makeQuantityChoice("Sort by", quantities, "order of the study", set("sort"));
  const order = makeSwitch("Order", [["", "Highest first"], ["lowest", "Lowest first"]], set("order"));
  const choices = {
    run: makeChoice("Run", [...all, ...data.runs.map((run) => [run.name, run.name])], (run) => onChange({ run, checkpoint: "" })),
    checkpoint: makeChoice("Checkpoint", all, set("checkpoint")),
    group: makeChoice("Prompt group", [...all, ...data.groups.map((name) => [name, name])], set("group")),
    prompt: makeChoice("Prompt", [...all, ...data.prompts.map((prompt, i) => [String(i + 1), i + 1 + ". " + clipped(prompt.text || "no prompt")])], set("prompt")),
    seed: makeChoice("Seed", [...all, ...seeds.map((seed) => ["=" + seed, seed || "none"])], set("seed")),
    rated: makeChoice("Rated", [...all, ["yes", "by people"], ["no", "not yet"]], set("rated")),
    failed: makeChoice("Metrics failed", [["", "any or none"], ["any", "at least one"], ...failing.map((metric) => [metric.name, metric.title])], set("failed")),
  };
  const isUseful = {
    run: data.runs.length > 1,
    checkpoint: data.checkpoints.length > 1,
    group: data.groups.length > 1,
    prompt: data.prompts.length > 1,
    seed: seeds.length > 1,
    rated: isRated,
    failed: failing.length > 0,
  };
  const filters = make("details", "gallery-filters");
  filters.open = window.innerWidth >= 860;
  const summary = make("summary");
  const rows = make("div", "controls");
  for (const [name, choice] of Object.entries(choices)) if (isUseful[name]) rows.append(choice.element);
  const ranges = make("div", "gallery-ranges");
  const addRange = makeQuantityChoice("Limits", quantities, "add limits of …", (key) => key && setRanges([...now.ranges, { quantity: quantities.find((one) => one.key === key), low: -Infinity, high: Infinity }]));
  const clear = makeButton("", "Clear filters", () => onChange({ run: "", checkpoint: "", group: "", prompt: "", seed: "", rated: "", failed: "", where: "" }));
  if (quantities.length) rows.append(addRange.element);
  rows.append(clear);
  filters.append(summary, rows, ranges);
  const first = make("div", "controls");
  const meaning = make("p", "note");
  first.append(sort.element, order.element);
  element.append(first, meaning, filters);
  let now = { ranges: [] };

  function setRanges(wished) {
    const text = (value) => (Number.isFinite(value) ? String(value) : "");
    onChange({ where: textOf(wished.map(({ quantity, low, high }) => [quantity.key, text(low), text(high)].join("~"))) });
  }

  function rangeRow(range, i) {
    const row = make("div", "gallery-range");
    const bound = (name, label) => {
      const field = make("label", "choice");
      const input = make("input");
      Object.assign(input, { type: "number", step: "any", value: Number.isFinite(range[name]) ? range[name] : "" });
      const values = range.quantity.column.filter((value) => value !== null);
      input.placeholder = formatted(values.reduce((one, other) => (name === "low" ? Math.min(one, other) : Math.max(one, other))), range.quantity.digits);
      input.addEventListener("change", () => {
        const otherwise = name === "low" ? -Infinity : Infinity;
        setRanges(now.ranges.map((one, j) => (j === i ? { ...one, [name]: limit(input.value, otherwise) } : one)));
      });
      field.append(make("span", "", label), input);
      return field;
    };
    const remove = makeButton("", "Remove", () => setRanges(now.ranges.filter((_, j) => j !== i)));
    remove.setAttribute("aria-label", "Remove the limits of " + range.quantity.words);
    row.append(make("span", "gallery-range-name", range.quantity.words), bound("low", "from"), bound("high", "to"), remove);
    return row;
  }

  function show(wish) {
    const isNewRun = wish.run !== now.run;
    const textual = ({ quantity, low, high }) => quantity.key + low + high;
    const isNewRanges = wish.ranges.map(textual).join() !== now.ranges.map(textual).join();
    now = wish;
    sort.select.value = wish.quantity ? wish.quantity.key : "";
    order.element.hidden = !wish.quantity;
    meaning.textContent = wish.quantity ? gapWords(wish.quantity) : "";
    meaning.hidden = !meaning.textContent;
    order.show(wish.isLowestFirst ? "lowest" : "");
    if (isNewRun) {
      const ofRun = data.checkpoints.filter((checkpoint) => !wish.run || data.runs[checkpoint.run].name === wish.run);
      const { select } = choices.checkpoint;
      select.replaceChildren(...[["", "all"], ...ofRun.map(({ shown }) => [shown, shown])].map(([value, words]) => Object.assign(make("option", "", words), { value })));
    }
    const values = { run: wish.run, checkpoint: wish.checkpoint < 0 ? "" : data.checkpoints[wish.checkpoint].shown, group: wish.group, prompt: wish.prompt < 0 ? "" : String(wish.prompt + 1), seed: wish.seed === null ? "" : "=" + wish.seed, rated: wish.rated, failed: wish.failed };
    for (const [name, choice] of Object.entries(choices)) choice.select.value = values[name];
    addRange.select.value = "";
    if (isNewRanges) ranges.replaceChildren(...wish.ranges.map(rangeRow));
    const active = Object.values(values).filter(Boolean).length + wish.ranges.length;
    summary.textContent = "Filters" + (active ? " (" + active + ")" : "");
    clear.hidden = !active;
  }

  return { element, show };
}

function clipped(text) {
  return text.length > 60 ? text.slice(0, 59) + "…" : text;
}
