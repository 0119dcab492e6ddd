/* Where every byte of the page comes from: the server's routes, or what an exported file holds in itself, in the element
   with the id humangrade-inlined: one JSON object from the same addresses ("trends?task=aesthetic", without escapes,
   parameters in order of their names, empty ones left out) to what the routes would have answered. */

class Source {
  constructor() {
    const inlined = document.getElementById("humangrade-inlined");
    this.inlined = inlined && JSON.parse(inlined.textContent);
    this.isExported = Boolean(this.inlined);
    const token = new URLSearchParams(location.search).get("key") || "";
    this.hasKey = this.isExported || Boolean(token);
    this.base = this.isExported
      ? ""
      : new URL("../api/owner/" + encodeURIComponent(token) + "/dashboard/", location.href).href;
    this.kept = new Map(); // address -> promise of what it answers
    this.blobs = new Map();
    this.version = ""; // of the data that are shown
    this.onNew = () => {}; // hears when an answer is about newer ones
  }

  /* What a route answers, asked for once. Throws an Error whose message is a sentence for the user. */
  json(name, parameters) {
    const address = addressOf(name, parameters, (text) => text);
    if (!this.kept.has(address)) {
      const coming = this.isExported ? this.fromFile(address) : this.fromServer(addressOf(name, parameters, encodeURIComponent));
      coming.catch(() => this.kept.delete(address)); // the next wish for it tries again
      this.kept.set(address, coming);
    }
    return this.kept.get(address);
  }

  async fromFile(address) {
    if (!(address in this.inlined)) throw new Error("This file does not hold that; the live dashboard shows it.");
    return this.inlined[address];
  }

  async fromServer(address) {
    const response = await this.ask(address);
    if (!response.ok) throw new Error(await refusalOf(response));
    const answer = await response.json();
    if (this.version && answer.version && answer.version !== this.version) this.onNew();
    return answer;
  }

  async ask(address) {
    try {
      return await fetch(this.base + address, { cache: "no-cache" });
    } catch {
      throw new Error("The server cannot be reached.");
    }
  }

  thumb(key) {
    return this.base + "thumbs/" + encodeURIComponent(key) + ".webp";
  }

  /* The address of a contact strip; what an exported file holds as base64 becomes a blob, so that a thousand crops share it. */
  strip(url) {
    if (!this.isExported) return new URL(url, this.base).href;
    if (!this.blobs.has(url)) {
      const bytes = Uint8Array.from(atob(url.slice(url.indexOf(",") + 1)), (character) => character.charCodeAt(0));
      this.blobs.set(url, URL.createObjectURL(new Blob([bytes], { type: "image/webp" })));
    }
    return this.blobs.get(url);
  }

  /* The address of a picture in full size by its thumbnail's key; "" in an exported file, which holds none. Only asked for after a click. */
  full(key) {
    return this.isExported ? "" : this.base + "full/" + encodeURIComponent(key);
  }
}

function addressOf(name, parameters, escape) {
  const given = Object.entries(parameters || {}).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  given.sort(([one], [other]) => (one < other ? -1 : 1));
  return name + (given.length ? "?" + given.map(([key, value]) => key + "=" + escape(String(value))).join("&") : "");
}

async function refusalOf(response) {
  const words = await response.json().catch(() => ({}));
  if (typeof words.detail === "string") return words.detail;
  return "The server answered with the number " + response.status + ".";
}
