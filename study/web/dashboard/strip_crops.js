/* Pictures of the grid as crops of contact strips: one request for a row of twenty, and a difference is a blend of two. */

class StripCrops {
  constructor(context) {
    this.context = context;
    this.cells = new Map(); // place -> where it is on which strip
    this.coming = new Map(); // strip's address -> promise that it is there, or cannot be had
  }

  /* To be awaited once before the first crop. */
  async load() {
    for (const strip of await this.context.pictures.strips()) {
      strip.places.forEach((place, at) => {
        const cell = { url: this.context.source.strip(strip.url), columns: strip.columns, rows: strip.rows };
        this.cells.set(place, { ...cell, column: at % strip.columns, row: Math.floor(at / strip.columns) });
      });
    }
  }

  /* Ask for the strip that an image is on. */
  fetch(place) {
    const cell = this.cells.get(place);
    if (!cell || this.coming.has(cell.url)) return;
    const image = new Image();
    image.src = cell.url;
    this.coming.set(cell.url, image.decode().catch(() => {}));
  }

  /* A promise that all strips that were asked for are there. */
  arrived() {
    return Promise.all(this.coming.values());
  }

  /* Show an image in an element; with another one, the difference between their pixels, which CSS blends. */
  show(element, place, other) {
    const cells = (other === undefined ? [place] : [place, other]).map((one) => this.cells.get(one));
    element.classList.toggle("pixel-difference", other !== undefined);
    if (cells.some((cell) => !cell)) {
      element.style.backgroundImage = "";
      element.classList.add("missing");
      return;
    }
    element.classList.remove("missing");
    this.fetch(place);
    element.style.backgroundImage = cells.map((cell) => 'url("' + cell.url + '")').join(", ");
    element.style.backgroundSize = cells.map((cell) => 100 * cell.columns + "% " + 100 * cell.rows + "%").join(", ");
    element.style.backgroundPosition = cells.map((cell) => share(cell.column, cell.columns) + " " + share(cell.row, cell.rows)).join(", ");
  }
}

function share(at, count) {
  return count > 1 ? (100 * at) / (count - 1) + "%" : "0%";
}
