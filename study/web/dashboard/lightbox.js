/* One image in full size with its figures and its recipe; arrows go on through the images it was opened with, and where
   there is another of the same prompt and seed to compare it with, that stands in its place while B is held. */

class Lightbox {
  constructor(dialog, context) {
    this.dialog = dialog;
    this.context = context;
    this.places = [];
    this.at = 0;
    this.words = null;
    this.onMove = null;
    this.other = null;
    this.find = (selector) => dialog.querySelector(selector);
    this.find(".lightbox-close").addEventListener("click", () => this.close());
    this.find(".lightbox-back").addEventListener("click", () => this.move(-1));
    this.find(".lightbox-forward").addEventListener("click", () => this.move(1));
    dialog.addEventListener("click", (event) => event.target === dialog && this.close());
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault(); // closed by what close() does, so that the address goes along
      this.close();
    });
    const hold = this.find(".lightbox-other");
    for (const name of ["pointerdown", "pointerup", "pointerleave", "pointercancel"]) {
      hold.addEventListener(name, () => this.swap(name === "pointerdown"));
    }
    hold.addEventListener("contextmenu", (event) => event.preventDefault()); // a long press is what it is for
    const isHeld = (event) => event.key.toLowerCase() === "b" || (event.target === hold && [" ", "Enter"].includes(event.key));
    dialog.addEventListener("keyup", (event) => isHeld(event) && this.swap(false));
    dialog.addEventListener("keydown", (event) => {
      if (isHeld(event) && !event.ctrlKey && !event.metaKey && !event.altKey) {
        event.preventDefault();
        if (!event.repeat) this.swap(true);
        return;
      }
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      this.move(step);
    });
  }

  get isOpen() {
    return this.dialog.open;
  }

  /* Show places[at]; words(place) are lines said first, onMove(place) hears of each one shown, other(place) is the place
     of what it is compared with, or -1. */
  open(places, at, { words = null, onMove = null, other = null } = {}) {
    Object.assign(this, { places, at, words, onMove, other });
    this.cameFrom = document.activeElement;
    this.pushed = !this.context.state.get().image;
    this.showDialog();
    this.show();
    this.keep({ replace: !this.pushed });
  }

  showDialog() {
    if (this.dialog.open) return;
    this.dialog.showModal();
    this.dialog.focus();
  }

  move(by) {
    const at = this.at + by;
    if (at < 0 || at >= this.places.length) return;
    this.at = at;
    this.show();
    this.keep({ replace: true });
  }

  /* Put the image into the address, as an entry of its own when it is opened: "back" closes it. */
  keep(how) {
    this.context.state.set({ image: this.context.data.images.item[this.places[this.at]] }, how);
  }

  close() {
    if (this.pushed) history.back();
    else this.context.state.set({ image: "" }, { replace: true });
  }

  /* What the address says of an image: called at each change of it. */
  follow(item) {
    const place = item ? this.context.study.place(item) : -1;
    if (place < 0) {
      if (!this.dialog.open) return;
      this.dialog.close();
      this.find(".lightbox-stage").replaceChildren();
      if (this.cameFrom && this.cameFrom.isConnected) this.cameFrom.focus();
      return;
    }
    if (this.dialog.open && this.places[this.at] === place) return;
    const at = this.places.indexOf(place);
    if (at < 0) {
      this.places = this.context.study.ofCheckpoint[this.context.data.images.checkpoint[place]] || [place];
      this.words = this.onMove = this.other = null;
    }
    this.at = this.places.indexOf(place);
    this.pushed = false;
    this.showDialog();
    this.show();
  }

  show() {
    const place = this.places[this.at];
    const { study } = this.context;
    this.find(".lightbox-count").textContent = this.at + 1 + " of " + this.places.length;
    const isEnd = { ".lightbox-back": this.at === 0, ".lightbox-forward": this.at === this.places.length - 1 };
    for (const [selector, isDisabled] of Object.entries(isEnd)) {
      const button = this.find(selector);
      if (isDisabled && button === document.activeElement) this.dialog.focus(); // keys do not reach a disabled button
      button.disabled = isDisabled;
    }
    this.find(".lightbox-title").textContent = study.prompt(place) || this.context.data.images.item[place];
    const seed = this.context.data.images.seed[place];
    const where = [study.checkpointName(place), seed && "seed " + seed, ...(this.words ? this.words(place) : [])];
    this.find(".lightbox-where").replaceChildren(...where.filter(Boolean).map((words) => make("li", "", words)));
    this.compared = this.other ? this.other(place) : -1;
    this.find(".lightbox-other").hidden = this.compared < 0 || this.compared === place;
    this.find(".lightbox-other-name").textContent = this.compared < 0 ? "" : study.checkpointName(this.compared);
    this.showPicture(place);
    this.showFigures(place);
    this.showRecipe(place);
    if (this.onMove) this.onMove(place);
  }

  /* The thumbnail at once, and the full picture over it when it has come. */
  showPicture(place) {
    this.inSight = place;
    const stage = this.find(".lightbox-stage");
    const small = this.context.pictures.thumb(place, "");
    small.loading = "eager";
    stage.replaceChildren(small);
    const address = this.context.source.full(this.context.data.images.thumb[place]);
    this.find(".lightbox-note").hidden = Boolean(address);
    this.find(".lightbox-note").textContent = "This file holds thumbnails only; the full size is in the study.";
    if (!address) return;
    const full = new Image();
    full.className = "full";
    full.alt = this.context.study.words(place);
    full.src = address;
    full.decode().then(
      () => this.inSight === place && stage.replaceChildren(full),
      () => {
        if (this.inSight !== place) return;
        this.find(".lightbox-note").hidden = false;
        this.find(".lightbox-note").textContent = "The picture cannot be loaded; this is its thumbnail.";
      },
    );
  }

  /* The other picture in its place, while B is held. */
  swap(isOther) {
    if (this.find(".lightbox-other").hidden) return;
    this.find(".lightbox-other").setAttribute("aria-pressed", String(isOther));
    this.showPicture(isOther ? this.compared : this.places[this.at]);
  }

  showFigures(place) {
    const { data, study } = this.context;
    const rows = [];
    for (const task of data.tasks) {
      const people = data.people[task] || {};
      const mean = (people.mean || [])[place];
      const n = (people.n || [])[place] || 0;
      if (n) rows.push([capitalised(task) + ", people", formatted(mean, 2) + " by " + counted(n, "person", "people")]);
    }
    for (const metric of data.metrics.filter((one) => one.kind === "image")) {
      const failed = (data.failures[metric.name] || {})[place];
      const value = study.value(place, metric.name);
      if (value !== null || failed) rows.push([metric.title, value === null ? "no value: " + failed : formatted(value)]);
    }
    this.find(".lightbox-figures").replaceChildren(...rows.map(([name, words]) => figureRow(name, words)));
  }

  async showRecipe(place) {
    const list = this.find(".lightbox-recipe");
    list.replaceChildren();
    let words;
    try {
      words = Object.entries((await this.context.source.json("recipe/" + place, { version: this.context.data.version })).words);
    } catch (error) {
      words = [["Recipe", this.context.source.isExported ? "in the live dashboard" : error.message]];
    }
    if (this.places[this.at] === place) list.replaceChildren(...words.map(([name, text]) => figureRow(name, String(text))));
  }
}

function figureRow(name, words) {
  const row = make("div");
  row.append(make("dt", "", name), make("dd", "", words));
  return row;
}
