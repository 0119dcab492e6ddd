/* The images of one checkpoint, sorted by one measure: what stands behind a point. */

const PEOPLE = "people:"; // before a task's name, where people's ratings of it are the measure

/* What an image has by a measure: a metric's value, or the mean rating of a task. */
function valueBy(study, measure, place) {
  if (!measure.startsWith(PEOPLE)) return study.value(place, measure);
  const people = study.data.people[measure.slice(PEOPLE.length)];
  const mean = people ? people.mean[place] : null;
  return mean === undefined ? null : mean;
}

/* Places, the best by a measure first (last with isWorstFirst), those without a value at the end. */
function sortedBy(study, places, measure, isWorstFirst = false) {
  const isLower = study.direction(measure) === "lower";
  const sign = isLower === isWorstFirst ? -1 : 1;
  const keyOf = new Map(places.map((place) => [place, valueBy(study, measure, place)]));
  return [...places].sort((one, other) => {
    const [a, b] = [keyOf.get(one), keyOf.get(other)];
    if (a === null || b === null) return (a === null) - (b === null) || one - other;
    return sign * (a - b) || one - other;
  });
}

function measureTitle(study, measure) {
  return measure.startsWith(PEOPLE) ? capitalised(measure.slice(PEOPLE.length)) + ", rated by people" : study.title(measure);
}

/* A panel of them: show(checkpoint, measure, words) fills it, and says whether it was another one; onClose is called by its button. */
function checkpointImages(context, onClose) {
  const { study, pictures, lightbox, state } = context;
  const element = make("section", "card images");
  element.setAttribute("aria-label", "Images of the chosen checkpoint");
  const title = make("h3", "images-title");
  title.tabIndex = -1;
  const close = makeButton("images-close", "✕", onClose);
  close.setAttribute("aria-label", "Close the images");
  const head = make("div", "images-head");
  head.append(title, close);
  const figures = make("p", "quiet number");
  const order = makeSwitch("Order", [["", "Best first"], ["worst", "Worst first"]], (value) =>
    state.set({ "images.order": value }, { replace: true }),
  );
  const note = make("p", "note");
  const links = make("p", "images-links");
  const list = make("ul", "images-list");
  element.append(head, figures, order.element, note, list, links);
  let shown = "";

  function show(checkpoint, measure, words) {
    const values = state.get();
    const asked = [checkpoint, measure, values["images.order"]].join("\n");
    if (asked === shown) return false;
    shown = asked;
    const name = context.data.checkpoints[checkpoint].shown;
    title.textContent = name;
    figures.textContent = [measureTitle(study, measure), ...words].join(" · ");
    order.show(values["images.order"] || "");
    const all = study.ofCheckpoint[checkpoint];
    const sorted = sortedBy(study, all, measure, values["images.order"] === "worst");
    const known = sorted.filter((place) => valueBy(study, measure, place) !== null);
    order.element.hidden = !known.length;
    note.textContent = noteOn(measure, known.length, all.length);
    note.hidden = !note.textContent;
    const digits = digitsFor(known.map((place) => valueBy(study, measure, place)));
    list.replaceChildren(...sorted.map((place, at) => imageButton(place, at, sorted, measure, digits)));
    list.scrollTop = 0;
    const sort = measure.startsWith(PEOPLE) ? "" : "metric:" + encodeURIComponent(measure);
    links.replaceChildren(
      makeButton("images-more", "These in the gallery", () =>
        state.set({ tab: "gallery", "gallery.checkpoint": name, "gallery.sort": sort }),
      ),
    );
    return true;
  }

  function noteOn(measure, known, all) {
    const metric = study.metrics.get(measure);
    if (metric && metric.kind === "set") return "One number for the whole set; its images stand in the order of their prompts.";
    if (known === all) return "";
    const missing = measure.startsWith(PEOPLE) ? "not rated" : "without a value";
    return counted(all - known, "image") + " of " + all + " " + missing + (known ? ", at the end." : ".");
  }

  function imageButton(place, at, sorted, measure, digits) {
    const value = valueBy(study, measure, place);
    const words = value === null ? "–" : formatted(value, digits);
    const button = makeButton("images-one", "", () => lightbox.open(sorted, at));
    button.append(pictures.thumb(place), make("span", "number", words));
    button.title = study.prompt(place);
    button.dataset.item = context.data.images.item[place];
    const item = make("li");
    item.append(button);
    return item;
  }

  return { element, show, focus: () => title.focus({ preventScroll: true }) };
}
