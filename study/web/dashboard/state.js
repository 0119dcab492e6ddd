/* What is looked at, kept in the address after "#": a link shows it again, and back and forward go through it. */

class UrlState {
  constructor(onChange) {
    this.onChange = onChange;
    const read = () => {
      this.values = Object.freeze(Object.fromEntries(new URLSearchParams(location.hash.slice(1))));
    };
    read();
    window.addEventListener("popstate", () => {
      read();
      this.onChange(this.values);
    });
  }

  /* All that is set, as {key: text}. */
  get() {
    return this.values;
  }

  /* Set some keys ("" removes one). With replace, "back" leads to what was before the last state too: for what changes often. */
  set(changes, { replace = false } = {}) {
    const values = { ...this.values };
    for (const [key, value] of Object.entries(changes)) {
      if (value === "" || value === null || value === undefined) delete values[key];
      else values[key] = String(value);
    }
    const hash = "#" + new URLSearchParams(values);
    this.values = Object.freeze(values);
    if (hash !== (location.hash || "#")) {
      const address = location.href.split("#")[0] + hash; // "#..." alone is taken from Gradio's <base>, without the key
      if (replace) history.replaceState(history.state, "", address);
      else history.pushState(history.state, "", address);
    }
    this.onChange(this.values);
  }
}

/* Several names in one key of the state. */
function listOf(text) {
  return text ? text.split(",").map(decodeURIComponent) : [];
}

function textOf(list) {
  return list.map(encodeURIComponent).join(",");
}
