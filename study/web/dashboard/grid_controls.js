/* The grid's choices, and the one step control. */

const GRID_SIDES = [["56", "S"], ["80", "M"], ["128", "L"]];

function gridControls(context, own, trainedRuns, { onDifference, onHold, onStep }) {
  const { data } = context;
  const aligned = alignedOf(context);
  const set = (key) => (value) => own.set({ [key]: value });
  const named = (names) => names.map((name) => [name, name]);
  const hasBase = data.checkpoints.some((checkpoint) => checkpoint.is_base);
  const metrics = data.metrics.filter((metric) => metric.kind === "image").map((metric) => [metric.name, metric.title]);
  const rows = makeSwitch("Rows", [["", "Every checkpoint"], ["runs", "Runs at one " + aligned.axis.name]], set("rows"));
  const run = makeChoice("Run", [["", "all"], ...named(trainedRuns.map((i) => data.runs[i].name))], set("run"));
  const seed = makeChoice("Seed", aligned.choices.map(({ value, words }) => [value, words]), set("seed"));
  const group = makeChoice("Prompts", [["", "all"], ...named(data.groups)], set("group"));
  const value = makeChoice("Below each", [["", "nothing"], ...metrics], set("value"));
  const size = makeSwitch("Size", GRID_SIDES, set("size"));
  const difference = makeButton("toggle", "Difference to " + (hasBase ? "base" : "first") + " (D)", onDifference);
  const hold = makeHold("", onHold);
  rows.element.hidden = trainedRuns.length < 2;
  seed.element.hidden = aligned.choices.length < 2;
  group.element.hidden = data.groups.length < 2;
  const element = make("details", "grid-choices"); // only a phone's screen can close it
  element.open = window.innerWidth >= 860;
  const tools = make("div", "tools");
  element.append(make("summary", "", "Choices"), tools);
  tools.append(...[rows, run, seed, group, value, size].map((made) => made.element));

  const { name, values } = aligned.axis;
  const label = make("label", "grid-step");
  const range = make("input");
  Object.assign(range, { type: "range", min: 0, max: Math.max(0, values.length - 1), step: 1 });
  range.addEventListener("input", () => onStep(Number(range.value)));
  const words = make("output");
  label.append(make("span", "", capitalised(name)), range, words);
  const back = makeButton("", "−", () => onStep(Number(range.value) - 1));
  const on = makeButton("", "+", () => onStep(Number(range.value) + 1));
  back.setAttribute("aria-label", "One " + name + " back");
  on.setAttribute("aria-label", "One " + name + " on");
  const steps = make("div", "grid-steps");
  steps.append(back, label, on, difference, hold);

  function show(view) {
    rows.show(view.isRuns ? "runs" : "");
    run.element.hidden = view.isRuns || trainedRuns.length < 2;
    run.select.value = view.run < 0 ? "" : data.runs[view.run].name;
    if (view.choice) seed.select.value = view.choice.value;
    group.select.value = view.group;
    value.select.value = view.value;
    size.show(String(view.side));
    difference.setAttribute("aria-pressed", String(view.isDifference));
  }

  function showStep(step) {
    range.value = step;
    words.textContent = values.length ? grouped(values[step]) : "";
    range.setAttribute("aria-valuetext", name + " " + words.textContent);
    back.disabled = step <= 0;
    on.disabled = step >= values.length - 1;
  }

  /* By touch there is no key B: what is held for, and whether there is any. */
  function showHold(words, isThere) {
    hold.textContent = "Hold for the " + words + " (B)";
    hold.disabled = !isThere;
  }

  return { element, steps, show, showStep, showHold };
}
