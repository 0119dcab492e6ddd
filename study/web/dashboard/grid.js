/* Grid: checkpoints x prompts of one seed, or every run at one step; one step control over all. */

const GRID_FOOT = 18; // pixels for a figure below each picture
const GRID_HEAD = { least: 60, letter: 6, phone: 104, desktop: 170 }; // pixels: rows are named by their runs
const GRID_AHEAD = 20; // columns whose strips are asked for before they are seen
const GRID_SETTLE_MS = 200; // browsers limit changes of the address, and a held arrow key makes thirty a second

function gridPanel(context) {
  const { data, study } = context;
  const aligned = alignedOf(context);
  const own = ownState(context.state, "grid");
  const crops = new StripCrops(context);
  const isTrained = (run) => data.checkpoints.some((checkpoint) => checkpoint.run === run && !checkpoint.is_base);
  const trainedRuns = data.runs.flatMap((_, run) => (isTrained(run) ? [run] : []));
  const element = make("div", "grid");
  const note = make("p", "note grid-note");
  const main = make("div", "grid-main");
  const controls = gridControls(context, own, trainedRuns, { onDifference: toggleDifference, onHold: hold, onStep: toStep });
  const table = new GridTable({
    corner: capitalised(aligned.axis.name),
   label: "Images by checkpoint and prompt",
    head,
    fill,
    onPick: (row, column) => go(row, column, true),
    onOpen: open,
    onDrawn: readAhead,
  });
  const aside = new GridAside(context, crops, { onOpen: open });
  let view = null;
  let settling = 0;
  let isHeld = false;
  let start = null; // where it begins: the checkpoint called the best, if that is known when one comes here
  let isAsked = false; // for the strips
  let reading = 0; // how often it was looked what to read ahead
  main.append(table.element, aside.element);
  element.append(controls.element, controls.steps, note, main);

  function show() {
    const isFirst = start === null;
    if (isFirst) start = context.winner ?? -1;
    const wish = new GridView(context, own, trainedRuns, start);
    const isSame = view && view.signature === wish.signature;
    if (isSame && settling) return; // where the user is, is newer than the address
    controls.show(wish);
    const isEmpty = !wish.rows.length || !wish.columns.length;
    main.hidden = controls.steps.hidden = isEmpty;
    note.hidden = !isEmpty;
    note.textContent = "There is no image with a checkpoint and a prompt yet.";
    if (isEmpty) return;
    const isFocused = table.element.contains(document.activeElement);
    const { row, column } = wish;
    if (!isSame) {
      view = wish;
      drawTable();
    }
    if (isFirst) table.begin(row, column);
    moveTo(row, column, isFocused);
    if (!isAsked) loadCrops();
  }

  function drawTable() {
    const longest = Math.max(...data.runs.map((run) => run.name.length));
    const room = window.innerWidth < 860 ? GRID_HEAD.phone : GRID_HEAD.desktop;
    const headWidth = Math.min(room, GRID_HEAD.least + longest * GRID_HEAD.letter);
    table.show({ rows: view.rows, columns: view.columns, side: view.side, foot: view.value ? GRID_FOOT : 0, headWidth });
  }

  async function loadCrops() {
    isAsked = true;
    try {
      await crops.load();
    } catch (error) {
      isAsked = false;
      note.textContent = error.message;
      note.hidden = false;
      return;
    }
    const isFocused = table.element.contains(document.activeElement);
    drawTable();
    moveTo(table.at.row, table.at.column, isFocused);
  }

  /* Once the pictures that are seen have come: the cells beside them, and the strips of the columns that follow. */
  async function readAhead({ top, bottom, right }) {
    const turn = ++reading;
    await crops.arrived();
    if (turn !== reading || !crops.cells.size) return;
    table.widen();
    const following = view.columns.slice(right, right + GRID_AHEAD);
    const rows = [...view.pinnedRows(), ...view.rows.slice(top, bottom)];
    for (const row of rows) for (const column of following) crops.fetch(view.place(row, column));
  }

  /* ---- heads and cells */

  function head({ checkpoint, run, pinned }) {
    const name = make("span", "grid-run", data.runs[run].name);
    name.title = data.runs[run].name;
    if (checkpoint < 0) return [make("strong", "", "none yet"), name];
    const pin = makeButton("grid-pin", "", () => togglePin(checkpoint));
    pin.setAttribute("aria-pressed", String(pinned));
    pin.setAttribute("aria-label", "Keep " + data.checkpoints[checkpoint].shown + " at the top");
    pin.title = pinned ? "let it go (P)" : "keep at the top (P)";
    return [make("strong", "", axisFigure(aligned, checkpoint)), name, pin];
  }

  function placeAt(row, column) {
    return view.place(view.rows[row], view.columns[column]);
  }

  /* The image that one is held against; -1 where there is none, or it is the same. */
  function originOf(place) {
    if (place < 0) return -1;
    const origin = aligned.partner(place, aligned.originOf[data.images.checkpoint[place]]);
    return origin === place ? -1 : origin;
  }

  function fill(cell, row, column) {
    const place = placeAt(row, column);
    const picture = make("div", "grid-picture");
    cell.replaceChildren(picture);
    paint(picture, place);
    const foot = view.value ? footOf(place) : null;
    if (foot) cell.append(foot);
    const figure = foot ? ", " + study.title(view.value) + " " + foot.textContent : "";
    cell.setAttribute("aria-label", (place < 0 ? "no image" : study.words(place)) + figure);
  }

  function paint(picture, place) {
    picture.classList.toggle("none", place < 0);
    if (place < 0) return;
    const origin = originOf(place);
    if (view.isDifference && origin >= 0) crops.show(picture, place, origin);
    else crops.show(picture, place);
  }

  function footOf(place) {
    const value = place < 0 ? null : study.value(place, view.value);
    const failed = (data.failures[view.value] || {})[place];
    if (value === null) {
      const foot = make("span", "grid-value" + (failed ? " failed" : ""), failed ? "failed" : "–");
      if (failed) foot.title = failed;
      return foot;
    }
    const origin = originOf(place);
    const before = origin >= 0 ? study.value(origin, view.value) : null;
    if (!view.isDifference || before === null) return make("span", "grid-value", formatted(value, view.digits));
    const change = value - before;
    return make("span", "grid-value " + changeClass(change, study.direction(view.value)), signed(change, view.digits));
  }

  /* ---- moving */

  /* Make a cell the current one: in the table, beside it, and on the step control. */
  function moveTo(row, column, isFocused) {
    hold(false);
    table.move(row, column, isFocused);
    const { checkpoint } = view.rows[table.at.row];
    const { prompt } = view.columns[table.at.column];
    const place = placeAt(table.at.row, table.at.column);
    const origin = originOf(place);
    aside.show({ place, origin, checkpoint, prompt });
    controls.showHold(checkpoint < 0 ? "base" : aligned.originWords(checkpoint), origin >= 0);
    const step = checkpoint < 0 ? -1 : aligned.axis.values.indexOf(aligned.axis.at[checkpoint]);
    if (!view.isRuns && step >= 0) view.step = step;
    controls.showStep(view.step);
    for (const [index, { element: shown }] of table.shown) shown.classList.toggle("same-step", isAtStep(view.rows[index]));
  }

  function isAtStep({ checkpoint, pinned }) {
    return !view.isRuns && !pinned && aligned.axis.at[checkpoint] === aligned.axis.values[view.step];
  }

  /* The same by the user: it goes into the address as soon as they stay. */
  function go(row, column, isFocused) {
    moveTo(row, column, isFocused);
    clearTimeout(settling);
    settling = setTimeout(settle, GRID_SETTLE_MS);
  }

  function settle() {
    clearTimeout(settling);
    settling = 0;
    const { row, column } = table.at;
    const { checkpoint } = view.rows[row];
    own.set(
      {
        checkpoint: checkpoint < 0 ? own.get("checkpoint") : data.checkpoints[checkpoint].shown,
        prompt: view.columns[column].prompt + 1,
        step: view.isRuns ? aligned.axis.values[view.step] : "",
      },
      { replace: true },
    );
  }

  /* The one step control: all rows in the view of runs, else the current run's checkpoint of that step. */
  function toStep(step) {
    if (step < 0 || step >= aligned.axis.values.length) return;
    const { row, column } = table.at;
    const x = aligned.axis.values[step];
    if (!view.isRuns) {
      const found = view.rowAt(view.rows[row].run, x);
      view.step = step;
      return go(found >= 0 ? found : row, column, false);
    }
    const isFocused = table.element.contains(document.activeElement);
    view.step = step;
    view.rows = view.rowsOfRuns();
    drawTable();
    go(row, column, isFocused);
  }

  /* The row of another run: at the same step, or the last before. */
  function toRun(by) {
    const { row, column } = table.at;
    if (view.isRuns) return go(row + by, column, true);
    const runs = [...new Set(view.rows.filter((one) => !one.pinned).map((one) => one.run))];
    const at = runs.indexOf(view.rows[row].run);
    const next = runs[at < 0 ? (by > 0 ? 0 : -1) : at + by];
    if (next === undefined) return;
    const found = view.rowAt(next, aligned.axis.values[view.step]);
    go(found >= 0 ? found : view.rows.findIndex((one) => one.run === next), column, true);
  }

  function toggleDifference() {
    own.set({ diff: view.isDifference ? "" : "1" });
  }

  function togglePin(checkpoint) {
    own.set({ pins: view.pinsWith(checkpoint) });
  }

  /* The base in the current image's place, as long as B is held. */
  function hold(isOn) {
    if (isHeld === isOn) return;
    const { row, column } = table.at;
    const place = placeAt(row, column);
    const origin = originOf(place);
    if (isOn && origin < 0) return;
    isHeld = isOn;
    aside.hold(isOn);
    const cell = table.cell(row, column);
    if (!cell) return;
    cell.classList.toggle("held", isOn);
    if (isOn) crops.show(cell.firstChild, origin);
    else paint(cell.firstChild, place);
  }

  function open() {
    const { row, column } = table.at;
    const places = view.columns.map((_, i) => placeAt(row, i));
    if (places[column] < 0) return;
    settle();
    const shown = places.filter((place) => place >= 0);
    context.lightbox.open(shown, shown.indexOf(places[column]), { other: originOf });
  }

  function keys(event) {
    if (!view || main.hidden) return false;
    const { row, column } = table.at;
    const moves = {
      ArrowLeft: () => go(row, column - 1, true),
      ArrowRight: () => go(row, column + 1, true),
      ArrowUp: () => (view.isRuns ? toStep(view.step - 1) : go(row - 1, column, true)),
      ArrowDown: () => (view.isRuns ? toStep(view.step + 1) : go(row + 1, column, true)),
      Home: () => go(row, 0, true),
      End: () => go(row, view.columns.length - 1, true),
      PageUp: () => toRun(-1),
      PageDown: () => toRun(1),
    };
    const switches = { b: () => hold(true), d: toggleDifference, p: () => view.rows[row].checkpoint >= 0 && togglePin(view.rows[row].checkpoint) };
    if (event.key === "Enter" && !event.target.closest("button, a")) moves.Enter = open;
    const move = moves[event.key] || switches[event.key.toLowerCase()];
    if (!move) return false;
    if (move === moves[event.key] || !event.repeat) move();
    return true;
  }

  const release = (event) => (event.type === "blur" || event.key.toLowerCase() === "b") && hold(false);
  document.addEventListener("keyup", release);
  window.addEventListener("blur", release);

  const help = [
    ["← →", "the prompt before, the next"],
    ["↑ ↓", "the step before, the next"],
    ["Page Up, Page Down", "the run before, the next"],
    ["Home, End", "the first prompt, the last"],
    ["B, held", "the base's picture in its place"],
    ["D", "the difference to the base's pictures"],
    ["P", "keep this checkpoint at the top, or let it go"],
    ["Enter", "full size and recipe"],
  ];
  return { element, show, hide: () => hold(false), keys, help };
}
