/* Beside the grid: the current image, its base, what differs between their pixels, their figures, and the references. */

const GRID_REFERENCES = 8;

class GridAside {
  constructor(context, crops, { onOpen }) {
    this.context = context;
    this.aligned = alignedOf(context);
    this.crops = crops;
    this.element = make("aside", "grid-aside");
    this.element.setAttribute("aria-label", "The current image");
    this.title = make("h2", "grid-prompt");
    this.where = make("p", "quiet");
    this.own = figureOf(makeButton("grid-picture", "", onOpen));
    this.own.picture.setAttribute("aria-label", "Open in full size, with its recipe");
    this.origin = figureOf(make("div", "grid-picture"));
    this.differs = figureOf(make("div", "grid-picture"), "difference, ×3");
    const pictures = make("div", "grid-pictures");
    pictures.append(this.own.element, this.origin.element, this.differs.element);
    this.figures = make("table", "grid-figures");
    this.references = make("div", "grid-references");
    this.referencesTitle = make("h3", "", "References");
    this.element.append(this.title, this.where, pictures, this.referencesTitle, this.references, this.figures);
  }

  /* Show an image of a checkpoint and a prompt with the one it is held against; -1 where there is none. */
  show({ place, origin, checkpoint, prompt }) {
    const { data } = this.context;
    this.place = place;
    this.originPlace = origin;
    this.title.textContent = data.prompts[prompt].text || "no prompt";
    const name = checkpoint < 0 ? "" : data.checkpoints[checkpoint].shown;
    const seed = place < 0 ? "" : data.images.seed[place];
    this.where.textContent = [name, seed && "seed " + seed, data.prompts[prompt].group].filter(Boolean).join(" · ");
    this.own.picture.disabled = place < 0;
    this.own.caption.textContent = place < 0 ? "no image" : axisWords(this.aligned, checkpoint);
    this.originWords = checkpoint < 0 ? "base" : this.aligned.originWords(checkpoint);
    this.origin.caption.textContent = this.originWords;
    this.origin.element.hidden = this.differs.element.hidden = origin < 0;
    this.hold(false);
    if (origin >= 0) {
      this.crops.show(this.origin.picture, origin);
      this.crops.show(this.differs.picture, place, origin);
    }
    this.showReferences(place);
    this.showFigures();
  }

  /* While the base is held for, it stands in the image's place. */
  hold(isHeld) {
    this.own.element.classList.toggle("held", isHeld);
    this.crops.show(this.own.picture, isHeld ? this.originPlace : this.place);
    if (this.place >= 0) this.own.caption.textContent = isHeld ? this.originWords : axisWords(this.aligned, this.context.data.images.checkpoint[this.place]);
  }

  /* The photos that the image should be like: they stay while one moves. */
  showReferences(place) {
    const { data, source } = this.context;
    const set = place < 0 ? null : data.images.reference_set[place];
    const photos = set === null || source.isExported ? [] : data.reference_sets[set];
    this.references.hidden = this.referencesTitle.hidden = !photos.length;
    if (this.shownSet === set) return;
    this.shownSet = set;
    this.referencesTitle.textContent = "References" + (photos.length > GRID_REFERENCES ? " (" + GRID_REFERENCES + " of " + photos.length + ")" : "");
    this.references.replaceChildren(
      ...photos.slice(0, GRID_REFERENCES).map((index) => {
        const photo = make("img", "thumb");
        photo.alt = "reference " + data.references[index].name;
        photo.src = source.thumb(data.references[index].thumb);
        return photo;
      }),
    );
  }

  showFigures() {
    const rows = this.place < 0 ? [] : this.rows();
    const isCompared = this.originPlace >= 0;
    const head = make("tr");
    head.append(make("td"));
    for (const words of isCompared ? ["this", this.originWords.replace(" checkpoint", ""), "change"] : ["this"]) {
      const cell = make("th", "", words);
      cell.scope = "col";
      head.append(cell);
    }
    this.figures.replaceChildren(head, ...rows.map((row) => figureCells(row, isCompared)));
    this.figures.hidden = !rows.length;
  }

  /* Of each metric and task that knows the image or its base: the values of both. */
  rows() {
    const { data, study } = this.context;
    const both = [this.place, this.originPlace];
    const metrics = data.metrics
      .filter((metric) => metric.kind === "image")
      .map(({ name, title, direction }) => {
        const [own, origin] = both.map((place) => (place < 0 ? null : study.value(place, name)));
        return { title, own, origin, direction, failed: (data.failures[name] || {})[this.place] || "" };
      });
    const people = data.tasks.map((task) => {
      const [own, origin] = both.map((place) => (place < 0 ? null : data.people[task].mean[place]));
      return { title: capitalised(task) + ", people", own, origin, direction: "higher", failed: "" };
    });
    return [...metrics, ...people].filter(({ own, origin, failed }) => own !== null || origin !== null || failed);
  }
}

function figureOf(picture, words) {
  const element = make("figure");
  const caption = make("figcaption", "", words);
  element.append(picture, caption);
  return { element, picture, caption };
}

function figureCells({ title, own, origin, direction, failed }, isCompared) {
  const row = make("tr");
  const head = make("th", "", title);
  head.scope = "row";
  const digits = digitsFor([own, origin].filter((value) => value !== null));
  const isFailed = own === null && failed;
  const value = make("td", isFailed ? "failed" : "", isFailed ? "failed" : formatted(own ?? NaN, digits));
  if (isFailed) value.title = failed;
  row.append(head, value);
  if (!isCompared) return row;
  const change = own === null || origin === null ? NaN : own - origin;
  row.append(make("td", "", formatted(origin ?? NaN, digits)), make("td", changeClass(change, direction), signed(change, digits)));
  return row;
}

/* A difference with its sign. */
function signed(value, digits) {
  const words = formatted(value, digits);
  return value > 0 && Number(words) > 0 ? "+" + words : words;
}

/* Whether a change is for the better, where the metric's direction says. */
function changeClass(change, direction) {
  if (!change || !Number.isFinite(change) || !direction) return "";
  return change > 0 === (direction === "higher") ? "better" : "worse";
}
