/* Compare: two checkpoints, or two runs, side by side, with the paired differences. */

const COMPARE_PAGE = 100;

function comparePanel(context) {
  const { data, study } = context;
  const own = ownState(context.state, "compare");
  const aligned = alignedOf(context);
  const quantities = quantitiesOf(context).filter(({ key }) => key.startsWith("metric:") || key.startsWith("people:"));
  const element = make("div", "compare");
  const figures = make("section", "compare-answer");
  const pairsPart = make("section", "compare-pairs");
  const list = make("ul", "compare-list");
  const toPage = (page) => {
    own.set({ page: page ? page + 1 : "" });
    pairsPart.scrollIntoView({ block: "start" });
  };
  const pagers = ["above", "below"].map((where) => makePager(COMPARE_PAGE, "pairs", where, toPage));
  const trained = data.runs.filter((_, run) => data.checkpoints.some((one) => one.run === run && !one.is_base)).map((run) => run.name);
  const controls = compareControls(context, own, { trained, quantities, onSwap: swap, onHold: hold });
  let isShown = false;
  let start = null; // what is compared until the user chooses: {pair, runs}
  let asked = ""; // what the figures shown are of
  let pairs = []; // of the two checkpoints: [left, right]
  let shown = null; // pairs in their order, with the quantity
  let page = 0;
  let against = new Set(); // metrics that do not sort as people do: a change by them is neither better nor worse
  pairsPart.append(controls.pairs, pagers[0].element, list, pagers[1].element);
  element.append(controls.element, figures, pairsPart);

  function read() {
    const isRuns = own.get("of") === "runs" && trained.length > 1;
    const task = data.tasks.includes(own.get("task")) ? own.get("task") : data.tasks[0] || "";
    const quantity = quantities.find(({ key }) => key === own.get("by")) || quantities[0] || null;
    const order = ["up", "down"].includes(own.get("order")) ? own.get("order") : "";
    if (isRuns) {
      const names = ["left", "right"].map((side) => (trained.includes(own.get(side)) ? own.get(side) : ""));
      const rest = trained.filter((name) => !names.includes(name));
      const [left, right] = names.some(Boolean) ? names.map((name) => name || rest.shift()) : [start.runs.left, start.runs.right];
      return { isRuns, task, quantity, order, left, right };
    }
    let [left, right] = ["left", "right"].map((side) => study.checkpoint(own.get(side)));
    if (left < 0 && right < 0) ({ left, right } = start.pair);
    if (right < 0) right = comparedWith(context, left);
    if (left < 0) left = comparedWith(context, right);
    return { isRuns, task, quantity, order, left, right };
  }

  /* Where it begins follows from which checkpoint is the best, which may take a while to be told. */
  async function begin() {
    const best = await busy(element, context.source.json("best")).catch(() => null);
    start = startAt(best && best.winner ? best.winner.checkpoint : -1);
    if (isShown) show();
  }

  function startAt(winner) {
    return { pair: startingPair(context, winner), runs: trained.length > 1 ? startingRuns(context, trained, winner) : null };
  }

  function show() {
    isShown = true;
    if (data.checkpoints.length < 2) {
      element.replaceChildren(make("p", "note", "There are not two checkpoints to compare yet."));
      return;
    }
    const isAsked = own.get("left") || own.get("right");
    for (const part of [controls.element, figures, pairsPart]) part.hidden = !start && !isAsked;
    if (!start && !isAsked) return void begin();
    start = start || startAt(context.winner ?? -1);
    const seen = read();
    const options = seen.isRuns ? trained : data.checkpoints.map(({ shown: name }) => name);
    const valueOf = (side) => (seen.isRuns ? side : data.checkpoints[side].shown);
    controls.of.show(seen.isRuns ? "runs" : "");
    for (const side of ["left", "right"]) {
      const { select } = controls[side];
      if (select.options.length !== options.length || select.options[0].value !== options[0]) {
        select.replaceChildren(...options.map((name) => Object.assign(make("option", "", name), { value: name })));
      }
      select.value = valueOf(seen[side]);
    }
    controls.task.select.value = seen.task;
    if (seen.quantity) controls.by.select.value = seen.quantity.key;
    controls.order.show(seen.order);
    pairsPart.hidden = seen.isRuns;
    element.classList.toggle("of-runs", seen.isRuns);
    const key = JSON.stringify([seen.isRuns, seen.left, seen.right, seen.task]);
    if (key !== asked) {
      asked = key;
      ask(seen, key);
    }
    if (!seen.isRuns) showPairs(seen);
  }

  async function ask(seen, key) {
    pairs = seen.isRuns ? [] : aligned.pairs(seen.left, seen.right);
    shown = null;
    figures.replaceChildren(make("p", "note", "Comparing…"));
    against = new Set();
    const { left, right, task } = seen;
    const parameters = seen.isRuns ? { left_run: runNumber(left), right_run: runNumber(right), task } : { left, right, task };
    let answer;
    try {
      answer = await context.source.json("compare", parameters);
    } catch (error) {
      if (key !== asked) return;
      if (!context.source.isExported) figures.replaceChildren(names(seen), make("p", "refusal", error.message));
      else await showPlain(seen, key);
      return;
    }
    if (key !== asked) return;
    figures.replaceChildren(names(seen), ...(seen.isRuns ? runFigures(answer) : checkpointFigures(answer)));
    if (seen.isRuns) return;
    pairs = answer.pairs;
    sortPairs(answer.metrics);
  }

  function sortPairs(metrics) {
    against = new Set(metrics.filter(({ sorts }) => sorts === "no").map(({ name }) => name));
    shown = null;
    showPairs(read());
  }

  function runNumber(name) {
    return data.runs.findIndex((run) => run.name === name);
  }

  /* ---- figures */

  /* What is on which side, in full: a choice shows the beginning of a long name. */
  function names({ isRuns, left, right }) {
    const line = make("p", "compare-names");
    for (const [side, of] of [["Left", left], ["Right", right]]) {
      const part = make("span");
      part.append(make("span", "quiet", side + " "), make("strong", "", isRuns ? of : data.checkpoints[of].shown));
      line.append(part);
    }
    return line;
  }

  function checkpointFigures(answer) {
    const made = [];
    if (answer.refused) made.push(make("p", "refusal", answer.refused));
    if (answer.metrics.length) made.push(scrolling(differencesTable(answer.metrics), "Differences"));
    return [...made, ...answer.notes.map((words) => make("p", "note", words))];
  }

  function runFigures(answer) {
    const made = [];
    if (answer.refused) made.push(make("p", "refusal", answer.refused));
    else made.push(make("p", "note", "Right minus left at each " + answer.axis + "; a point opens its two checkpoints."));
    const drawings = make("div", "compare-drawings");
    const open = (point) => own.set({ of: "", left: data.checkpoints[point.leftCheckpoint].shown, right: data.checkpoints[point.rightCheckpoint].shown, page: "" });
    drawings.append(...stepsDrawings(answer.steps, answer.axis, open));
    return [...made, drawings, ...answer.notes.map((words) => make("p", "note", words))];
  }

  /* In an exported file that does not hold this comparison: means of the pairs, and where the rest is. */
  async function showPlain(seen, key) {
    const agreement = await context.source.json("agreement", { task: seen.task }).catch(() => null);
    if (key !== asked) return;
    if (seen.isRuns) {
      return figures.replaceChildren(names(seen), make("p", "note", "Two runs are compared in the live dashboard; this file compares checkpoints."));
    }
    const isTold = aligned.areComparable(seen.left, seen.right);
    const rows = isTold ? plainRows(context, pairs, seen.task, agreement ? agreement.metrics : {}) : [];
    figures.replaceChildren(names(seen), make("p", "note", isTold ? PLAIN_MEANS : NOTHING_TOLD));
    if (rows.length) figures.append(scrolling(differencesTable(rows), "Differences"));
    sortPairs(rows);
  }

  function scrolling(table, label) {
    const made = make("div", "card compare-scroll");
    made.tabIndex = 0;
    made.setAttribute("role", "region");
    made.setAttribute("aria-label", label);
    made.append(table);
    return made;
  }

  /* ---- pairs */

  function differenceOf([left, right], quantity) {
    if (!quantity) return null;
    const [a, b] = [quantity.column[left], quantity.column[right]];
    return a === null || b === null ? null : b - a;
  }

  function showPairs(seen) {
    const signature = JSON.stringify([asked, seen.quantity && seen.quantity.key, seen.order, pairs.length]);
    const at = Math.min(Math.max(1, Math.ceil(pairs.length / COMPARE_PAGE)), Math.max(1, Math.floor(Number(own.get("page"))) || 1)) - 1;
    if (shown && shown.signature === signature && page === at) return;
    page = at;
    const differences = pairs.map((pair) => differenceOf(pair, seen.quantity));
    const sizes = seen.order ? differences : differences.map((value) => (value === null ? null : Math.abs(value)));
    const order = ordered(pairs.map((_, i) => i), sizes, seen.order === "down");
    shown = { signature, pairs: order.map((i) => pairs[i]), differences: order.map((i) => differences[i]), quantity: seen.quantity };
    const without = seen.quantity ? differences.filter((value) => value === null).length : 0;
    for (const pager of pagers) pager.show(page, pairs.length, without ? "; " + grouped(without) + " without a difference come last" : "");
    pagers[1].element.hidden = pairs.length <= COMPARE_PAGE;
    controls.holdButton.hidden = !pairs.length;
    const from = page * COMPARE_PAGE;
    list.replaceChildren(...shown.pairs.slice(from, from + COMPARE_PAGE).map((pair, i) => pairCard(pair, from + i)));
  }

  function pairCard(pair, at) {
    const { quantity, differences } = shown;
    const item = make("li", "card compare-pair");
    item.dataset.items = JSON.stringify(pair.map((place) => data.images.item[place]));
    const pictures = make("div", "compare-pictures");
    pair.forEach((place, side) => {
      const button = makeButton("compare-picture", "", () => open(at, side));
      const frame = make("span", "compare-frame");
      frame.append(context.pictures.thumb(place));
      button.append(frame, make("span", "quiet", valueWords(quantity, place)));
      pictures.append(button);
    });
    const words = make("div", "compare-words");
    if (quantity) {
      const value = differences[at];
      words.append(make("strong", changeClass(value, against.has(metricOf(quantity)) ? "" : quantity.direction), value === null ? "no difference known" : signed(value, quantity.digits)));
    }
    const seed = data.images.seed[pair[0]];
    words.append(make("span", "prompt", study.prompt(pair[0])), make("span", "quiet", seed ? "seed " + seed : ""));
    item.append(pictures, words);
    return item;
  }

  function metricOf({ key }) {
    return key.startsWith("metric:") ? decodeURIComponent(key.slice(7)) : "";
  }

  function valueWords(quantity, place) {
    if (!quantity) return "";
    const value = quantity.column[place];
    if (value === null) return ((data.failures[metricOf(quantity)] || {})[place] ? "failed" : "no value");
    return formatted(value, quantity.digits);
  }

  function open(at, side) {
    const partners = new Map(shown.pairs.flatMap(([left, right]) => [[left, right], [right, left]]));
    const { quantity } = shown;
    const words = (place) => (quantity ? [quantity.words + ": " + valueWords(quantity, place)] : []);
    context.lightbox.open(shown.pairs.flat(), 2 * at + side, { words, other: (place) => partners.get(place) ?? -1 });
  }

  /* ---- keys */

  function swap() {
    const seen = read();
    const name = (side) => (seen.isRuns ? side : data.checkpoints[side].shown);
    const order = { up: "down", down: "up" }[seen.order] || ""; // the same pairs stay at the top
    own.set({ left: name(seen.right), right: name(seen.left), order, page: "" });
  }

  /* As long as B is held, the left picture stands in the right one's place: in the pair with the focus, else in all. */
  function hold(isOn) {
    const focused = list.contains(document.activeElement) ? document.activeElement.closest(".compare-pair") : null;
    for (const item of list.children) {
      const isHeld = isOn && (!focused || item === focused);
      if (item.classList.contains("held") === isHeld) continue;
      item.classList.toggle("held", isHeld);
      const frames = item.querySelectorAll(".compare-frame");
      const [left, right] = JSON.parse(item.dataset.items).map((name) => study.place(name));
      frames[1].replaceChildren(context.pictures.thumb(isHeld ? left : right));
    }
  }

  function keys(event) {
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (!start) return false;
    if (key === "s") return swap(), true;
    if (read().isRuns) return false;
    if (key === "b") return event.repeat || hold(true), true;
    if (key === "n" || key === "p") {
      const next = page + (key === "n" ? 1 : -1);
      if (next >= 0 && next * COMPARE_PAGE < pairs.length) toPage(next);
      return true;
    }
    if (!key.startsWith("Arrow")) return false;
    const card = cardBeside([...list.querySelectorAll(".compare-picture")], key);
    if (card) card.focus();
    return Boolean(card);
  }

  const release = (event) => (event.type === "blur" || event.key.toLowerCase() === "b") && hold(false);
  document.addEventListener("keyup", release);
  window.addEventListener("blur", release);

  const help = [
    ["S", "swap left and right"],
    ["B, held", "the left picture in the right one's place"],
    ["← → ↑ ↓", "from a picture to the one beside it"],
    ["N, P", "the next page of pairs, the one before"],
    ["Enter", "full size and recipe"],
  ];
  const hide = () => {
    isShown = false;
    hold(false);
  };
  return { element, show, hide, keys, help };
}
