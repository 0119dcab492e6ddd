/* Alerts: the gates as they were, the newest first: the verdict, what drove it, and the pairs of images behind it. */

function alertsPanel(context) {
  const { source, state, study, data, pictures, lightbox } = context;
  const element = make("div", "alerts");
  const refusal = make("p", "refusal");
  refusal.hidden = true;
  const controls = make("div", "controls");
  const list = make("ol", "gates");
  element.append(controls, refusal, list);
  let runs = null;
  let drawnFor = null;
  const verdicts = [["", "All"], ["worse", "Worse"], ["cannot tell", "Cannot tell"], ["not worse", "Not worse"], ["refused", "Refused"]];
  const verdict = makeChoice("Verdict", verdicts, (value) => state.set({ "alerts.verdict": value, "alerts.gate": "" }));
  controls.append(verdict.element);

  async function show() {
    refusal.hidden = true;
    try {
      runs = (await busy(element, source.json("alerts"))).runs;
    } catch (error) {
      refusal.textContent = error.message;
      refusal.hidden = false;
      return;
    }
    draw(state.get());
  }

  function draw(values) {
    const asked = [values["alerts.verdict"], values["alerts.gate"]].join("\n");
    if (asked === drawnFor) return;
    drawnFor = asked;
    verdict.select.value = values["alerts.verdict"] || "";
    controls.hidden = !runs.length;
    const shown = runs.filter((run) => !values["alerts.verdict"] || run.verdict === values["alerts.verdict"]);
    const opened = values["alerts.gate"] || (shown.length ? String(shown[0].id) : "");
    const empty = runs.length ? "No gate has this verdict." : "No gate has run yet. humangrade gate judges one checkpoint against another, and its runs appear here.";
    list.replaceChildren(...(shown.length ? shown.map((run) => gate(run, String(run.id) === opened)) : [make("li", "card quiet", empty)]));
  }

  function gate(run, isOpen) {
    const item = make("li", "card gate");
    item.dataset.gate = run.id;
    const head = make("div", "gate-head");
    const title = make("h3", "", run.candidate);
    title.append(make("span", "quiet", " against "), run.baseline);
    const at = make("time", "quiet", momentOf(run.at));
    at.dateTime = run.at;
    head.append(verdictMark(run.verdict), title, at);
    const details = make("details");
    details.append(make("summary", "", "What drove it"));
    const fill = () => details.children.length < 2 && details.append(...whatDroveIt(run));
    if (isOpen) fill();
    details.open = isOpen;
    details.addEventListener("toggle", () => {
      fill();
      if (details.open && state.get()["alerts.gate"] !== String(run.id) && !isOpen) {
        drawnFor = [state.get()["alerts.verdict"], String(run.id)].join("\n"); // it is open already: nothing is drawn anew
        state.set({ "alerts.gate": run.id }, { replace: true });
      }
    });
    item.append(head, make("p", "gate-sentence", run.sentence), details);
    return item;
  }

  function whatDroveIt(run) {
    const parts = run.metrics.length ? [metricRows(run)] : [];
    if (run.worst.length) parts.push(make("h4", "", "The pairs that dropped most, by each metric"), worstPairs(run));
    const settings = make("ul", "settings quiet");
    settings.append(...run.settings.map((words) => make("li", "", words)));
    parts.push(...run.notes.map((words) => make("p", "note", words)), settings);
    return parts;
  }

  /* The primary metric first, then what is worse, then the rest in their order. */
  function metricRows(run) {
    const rank = (metric) => (metric.is_primary ? 0 : metric.decides ? 1 : metric.verdict === "worse" ? 2 : 3);
    const rows = make("ul", "gate-metrics");
    const sorted = [...run.metrics].sort((one, other) => rank(one) - rank(other));
    for (const metric of sorted) {
      const row = make("li");
      const head = make("div", "gate-metric-head");
      head.append(verdictMark(metric.verdict), make("b", "", metric.title));
      if (metric.is_primary) head.append(make("span", "quiet", "primary"));
      else if (metric.decides && run.metrics.length > 1) head.append(make("span", "quiet", "decides"));
      row.append(head, make("p", "", metric.sentence), differenceTrack(metric));
      rows.append(row);
    }
    return rows;
  }

  /* The estimated difference on a scale of its own, with 0 and the drop from which on it counts. */
  function differenceTrack(metric) {
    const limit = metric.least_drop > 0 ? -metric.least_drop : NaN;
    const finite = [0, metric.estimate, metric.low, metric.high, limit].filter((value) => Number.isFinite(value));
    if (finite.length < 2) return "";
    const scale = linearScale(finite);
    const row = make("div", "difference number");
    const digits = digitsFor(finite);
    const track = intervalTrack({ value: metric.estimate, low: metric.low, high: metric.high }, scale, metric.verdict === "worse" ? "worse" : "in-set");
    track.prepend(at(make("i", "zero"), scale, 0));
    track.append(at(make("span", "tick quiet", "0"), scale, 0));
    if (Number.isFinite(limit)) {
      track.prepend(at(make("i", "limit"), scale, limit));
      if (scale.of(0) - scale.of(limit) > 0.16) track.append(at(make("span", "tick quiet", formatted(limit)), scale, limit));
    }
    row.append(track, make("span", "quiet", formatted(metric.estimate, digits) + " " + (metric.unit || "")));
    return row;
  }

  function worstPairs(run) {
    const pairs = make("ol", "pairs");
    const titles = new Map(run.metrics.map((metric) => [metric.name, metric.title]));
    for (const pair of run.worst) {
      const item = make("li", "pair");
      const sides = make("div", "pair-sides");
      sides.append(side(pair, pair.baseline, run.baseline, pair.baseline_score), side(pair, pair.candidate, run.candidate, pair.candidate_score));
      const words = make("p", "pair-words");
      const drop = Number.isFinite(pair.drop) ? ": worse by " + formatted(pair.drop) : "";
      words.append(make("b", "", titles.get(pair.metric) || study.title(pair.metric)), drop, make("span", "quiet pair-prompt", pair.prompt + (pair.seed ? " · seed " + pair.seed : "")));
      item.append(sides, words);
      pairs.append(item);
    }
    return pairs;
  }

  function side(pair, place, name, score) {
    const figure = make("figure");
    const caption = make("figcaption", "", name);
    caption.append(make("span", "number", formatted(score)));
    if (place === null) {
      figure.append(make("span", "thumb gone", "no longer in the study"), caption);
      return figure;
    }
    const both = [pair.baseline, pair.candidate].filter((one) => one !== null);
    const button = makeButton("pair-picture", "", () => lightbox.open(both, both.indexOf(place)));
    button.append(pictures.thumb(place));
    figure.append(button, caption);
    return figure;
  }

  return { element, show, hide: () => {}, keys: () => false };
}
