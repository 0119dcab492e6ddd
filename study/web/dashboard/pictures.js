/* Small pictures: an <img> of a route, or in an exported file a crop of its checkpoint's contact strip. */

const THUMB_SIDE = 160;

class Pictures {
  constructor(source, study) {
    this.source = source;
    this.study = study;
    this.loaded = new Map(); // strip's address -> promise of its decoded image
  }

  /* An element that shows an image's thumbnail, as large as its style says. */
  thumb(place, className) {
    return this.source.isExported ? this.crop(place, className) : this.image(place, className);
  }

  image(place, className) {
    const { thumb, width, height } = this.study.data.images;
    const made = make("img", ("thumb " + (className || "")).trim());
    made.loading = "lazy";
    made.decoding = "async";
    made.draggable = false;
    made.alt = this.study.words(place);
    if (width[place] && height[place]) [made.width, made.height] = fitted(width[place], height[place], THUMB_SIDE);
    made.addEventListener("error", () => made.classList.add("missing"), { once: true });
    made.src = this.source.thumb(thumb[place]);
    return made;
  }

  /* The same from the contact strip: one request for all images of a checkpoint. */
  crop(place, className) {
    const made = make("span", ("thumb crop " + (className || "")).trim());
    made.setAttribute("role", "img");
    made.setAttribute("aria-label", this.study.words(place));
    this.cell(place).then(
      (cell) => {
        const { columns, rows, url } = cell.strip;
        const across = columns > 1 ? (100 * cell.column) / (columns - 1) : 0;
        const down = rows > 1 ? (100 * cell.row) / (rows - 1) : 0;
        made.style.backgroundImage = 'url("' + this.source.strip(url) + '")';
        made.style.backgroundSize = 100 * columns + "% " + 100 * rows + "%";
        made.style.backgroundPosition = across + "% " + down + "%";
      },
      () => made.classList.add("missing"),
    );
    return made;
  }

  /* All contact strips: [{checkpoint, url, columns, rows, side, places}]. */
  strips() {
    return this.source.json("strips");
  }

  /* Where an image stands: {strip, column, row}. */
  async cell(place) {
    if (!this.cells) this.cells = this.strips().then(cellsOf);
    const cell = (await this.cells).get(place);
    if (!cell) throw new Error("There is no thumbnail of this image.");
    return cell;
  }

  /* A promise of something that a canvas can draw: the thumbnail in a square of THUMB_SIDE. */
  async bitmap(place) {
    const canvas = make("canvas");
    canvas.width = canvas.height = THUMB_SIDE;
    const pen = canvas.getContext("2d");
    if (this.source.isExported) {
      const { strip, column, row } = await this.cell(place);
      const { url, side } = strip;
      const image = await this.load(this.source.strip(url));
      pen.drawImage(image, column * side, row * side, side, side, 0, 0, THUMB_SIDE, THUMB_SIDE);
      return canvas;
    }
    const image = await this.load(this.source.thumb(this.study.data.images.thumb[place]));
    const [width, height] = fitted(image.naturalWidth, image.naturalHeight, THUMB_SIDE);
    pen.drawImage(image, (THUMB_SIDE - width) / 2, (THUMB_SIDE - height) / 2, width, height);
    return canvas;
  }

  load(url) {
    if (!this.loaded.has(url)) {
      const image = new Image();
      image.src = url;
      this.loaded.set(url, image.decode().then(() => image));
    }
    return this.loaded.get(url);
  }
}

function cellsOf(strips) {
  const cells = new Map();
  for (const strip of strips) {
    strip.places.forEach((place, at) => {
      if (place !== null) cells.set(place, { strip, column: at % strip.columns, row: Math.floor(at / strip.columns) });
    });
  }
  return cells;
}

/* Width and height in whole pixels within a square. */
function fitted(width, height, side) {
  const scale = side / Math.max(width, height);
  return [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
}
