/* Pictures, fetched and decoded before they are needed, so that the next one is there at once. */

const KEPT_PICTURES = 48;

class Pictures {
  constructor(address) {
    this.address = address;
    this.kept = new Map();
  }

  /* The entry of a picture, loading from now on if it was not there: {image, ready, decoded: a promise}. */
  get(path) {
    const known = this.kept.get(path);
    if (known) {
      this.kept.delete(path);
      this.kept.set(path, known); // the most recently wanted stands last
      return known;
    }
    const image = new Image();
    image.draggable = false;
    image.src = this.address + path;
    const entry = { image, ready: false };
    entry.decoded = image.decode().then(() => {
      entry.ready = true;
    });
    entry.decoded.catch(() => this.kept.delete(path)); // the next wish for it tries again
    this.kept.set(path, entry);
    for (const old of this.kept.keys()) {
      if (this.kept.size <= KEPT_PICTURES) break;
      this.kept.delete(old);
    }
    return entry;
  }
}
