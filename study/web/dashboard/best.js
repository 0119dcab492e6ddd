const BY_PEOPLE = "people"; // as best's measure
const EVERY_RUN = "*";

/* Best: every checkpoint's interval, with those marked that may be the best, and the sentences that say what follows. */

function bestPanel(context) {
  const { source, state, study, data } = context;
  const element = make("div", "best");
  const controls = make("div", "controls");
  const refusal = make("p", "refusal");
  refusal.hidden = true;
  const body = make("div", "trends-body");
  const card = make("section", "card best-card");
  card.setAttribute("aria-label", "Which may be the best");
  const side = make("aside", "side");
  side.setAttribute("aria-label", "Images of a checkpoint");
  const images = checkpointImages(context, () => state.set({ "best.point": "" }));
  body.append(card, side);
  body.hidden = true; // until there is something to show
  element.append(controls, refusal, body);
  let drawnFor = null;
  let isShown = false;

  async function show(values) {
    isShown = true;
    const asked = { by: values["best.by"], run: values["best.run"], task: values["best.task"] };
    let best;
    try {
      best = await busy(element, source.json("best", asked));
    } catch (error) {
      if (!isShown) return;
      drawnFor = null;
      refusal.textContent = error.message;
      refusal.hidden = false;
      body.hidden = true;
      return;
    }
    const now = state.get();
    if (!isShown || ["by", "run", "task"].some((key) => asked[key] !== now["best." + key])) return;
    if (best !== drawnFor) {
      drawnFor = best;
      showControls(best);
      refusal.hidden = !best.refused;
      refusal.textContent = best.refused;
      body.hidden = !best.rows.length;
      draw(best);
    }
    showImages(best, now);
  }

  function measureWords(name) {
    if (name === BY_PEOPLE) return "People's ratings";
    if (name.endsWith("+" + BY_PEOPLE)) return study.title(metricOf(name)) + " and people's ratings";
    return study.title(name);
  }

  function metricOf(by) {
    return by.endsWith("+" + BY_PEOPLE) ? by.slice(0, -1 - BY_PEOPLE.length) : by;
  }

  function showControls(best) {
    const measures = best.choices.by.map((name) => [name, measureWords(name)]);
    const by = makeChoice("Measured by", measures, (value) => state.set({ "best.by": value, "best.point": "" }));
    by.select.value = best.by;
    controls.replaceChildren(by.element);
    if (data.tasks.length > 1) {
      const task = makeChoice("Question", data.tasks.map((name) => [name, capitalised(name)]), (value) => state.set({ "best.task": value }));
      task.select.value = best.task;
      controls.append(task.element);
    }
    if (best.choices.runs.length > 1) {
      const runs = best.choices.runs.map((name) => [name, name === EVERY_RUN ? "All runs together" : name]);
      const run = makeChoice("Run", runs, (value) => state.set({ "best.run": value, "best.point": "" }));
      run.select.value = best.run;
      controls.append(run.element);
    }
  }

  function draw(best) {
    const winner = best.winner && { ...best.winner, words: extreme(best) };
    const kept = best.rows.filter((row) => row.in_set).length;
    const words = make("div", "best-words");
    words.append(...best.sentences.map((sentence, i) => make("p", i ? "" : "answer-sentence", sentence)));
    const legend = make("p", "quiet best-legend");
    legend.append(
      legendEntry("in-set", "may be the best (" + kept + " of " + best.rows.length + ")"),
      legendEntry("", "is not"),
      ...(winner ? [legendEntry("fair", "the " + extreme(best) + " one's value, without what chance adds to it")] : []),
      make("span", "", "thick: its own 95 % interval; thin: intervals that hold all at once"),
    );
    const ends = best.rows.flatMap((row) => [row.value, row.low_of_all ?? row.low, row.high_of_all ?? row.high]).concat(winner ? [winner.value, winner.low, winner.high] : []);
    const scale = linearScale(ends.filter((value) => Number.isFinite(value)));
    const list = make("ol", "intervals");
    const runOf = (row) => data.checkpoints[row.checkpoint].run;
    const rows = [...best.rows].sort((one, other) => one.checkpoint - other.checkpoint);
    const isGrouped = new Set(rows.map(runOf)).size > 1;
    rows.forEach((row, i) => {
      const isFirst = !i || runOf(rows[i - 1]) !== runOf(row);
      if (isGrouped && isFirst) list.append(make("li", "intervals-run quiet", data.runs[runOf(row)].name));
      list.append(intervalRow(row, winner && winner.checkpoint === row.checkpoint ? winner : null, scale, isGrouped));
    });
    card.replaceChildren(words, legend, list, scaleRow(scale, best), ...best.notes.map((note) => make("p", "note", note)));
  }

  function extreme(best) {
    return best.direction === "lower" ? "lowest" : "highest";
  }

  function legendEntry(className, words) {
    const entry = make("span");
    entry.append(make("i", ("dot " + className).trim()), words);
    return entry;
  }

  function intervalRow(row, winner, scale, isGrouped) {
    const checkpoint = data.checkpoints[row.checkpoint];
    const item = make("li");
    const button = makeButton("interval" + (row.in_set ? " in-set" : "") + (winner ? " winner" : ""), "", () =>
      state.set({ "best.point": checkpoint.shown, tab: "best" }),
    );
    button.dataset.checkpoint = checkpoint.shown;
    const name = make("span", "interval-name");
    name.append(make("span", "", row.in_set ? "● " : "○ "), isGrouped ? checkpoint.name || checkpoint.shown : checkpoint.shown);
    name.firstChild.setAttribute("aria-hidden", "true");
    if (winner) name.append(make("span", "mark mark-good", winner.words));
    const figures = formatted(row.value ?? NaN, scale.digits);
    const range = Number.isFinite(row.low) ? " (" + formatted(row.low, scale.digits) + " to " + formatted(row.high, scale.digits) + ")" : "";
    const track = intervalTrack(row, scale, row.in_set ? "in-set" : "");
    track.prepend(intervalBar(row.low_of_all, row.high_of_all, scale, "thin"));
    track.prepend(...scale.ticks.map((tick) => at(make("i", "tick-line"), scale, tick)));
    if (winner) track.append(...intervalTrack(winner, scale, "fair").children);
    const words = make("span", "interval-figures number");
    words.append(make("b", "", figures), make("span", "quiet", range));
    const said = make("span", "for-readers", row.in_set ? ", may be the best" : ", is not the best");
    button.append(name, track, words, said);
    item.append(button);
    return item;
  }

  function scaleRow(scale, best) {
    const row = make("div", "interval-scale quiet number");
    const track = make("span", "track");
    for (const tick of scale.ticks) {
      track.append(at(make("span", "tick", formatted(tick, scale.tickDigits)), scale, tick));
    }
    const unit = best.unit + (best.direction ? ", " + best.direction + " is better" : "");
    row.append(track, make("span", "unit", unit));
    return row;
  }

  function showImages(best, values) {
    const checkpoint = study.checkpoint(values["best.point"] || "");
    const row = best.rows.find((one) => one.checkpoint === checkpoint);
    body.classList.toggle("has-images", Boolean(row));
    body.classList.toggle("alone", !row);
    card.querySelectorAll(".interval").forEach((one) => one.setAttribute("aria-pressed", String(Boolean(row) && one.dataset.checkpoint === values["best.point"])));
    if (!row) return images.element.remove();
    if (!images.element.isConnected) side.append(images.element); // put anew, it would lose the focus
    const measure = best.by === BY_PEOPLE ? PEOPLE + best.task : metricOf(best.by);
    images.show(checkpoint, measure, []);
  }

  return { element, show, hide: () => (isShown = false), keys: () => false, help: [["Tab, Enter", "a checkpoint's images, the best first"]] };
}
