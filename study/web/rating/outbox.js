/* Answers on their way to the server. Each is kept in the browser's storage, under a key of its own, until the server has
   acknowledged it; they are sent one at a time and in order, and sent again until that happens. The server knows an
   answer by its client id, so sending one twice is harmless. */

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 5000;
const REQUEST_TIMEOUT_MS = 15000;
const RETRIED = [408, 425, 429];

function clientId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/* A 53-bit hash (two rounds of multiply and mix): names a rater's storage without holding the link's token. */
function shortHash(text) {
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (let i = 0; i < text.length; i++) {
    high = Math.imul(high ^ text.charCodeAt(i), 2654435761);
    low = Math.imul(low ^ text.charCodeAt(i), 1597334677);
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  return (4294967296 * (2097151 & low) + (high >>> 0)).toString(36);
}

class Outbox {
  constructor(address, token, onChange) {
    this.address = address;
    this.prefix = "humangrade:" + shortHash(token) + ":";
    this.onChange = onChange;
    this.waiting = this.restore();
    this.refused = [];
    this.sending = false;
    this.unreachable = false;
    this.trouble = ""; // what the server says while it cannot save
    this.wait = FIRST_WAIT_MS;
    this.timer = null;
    this.lastTime = 0;
    window.addEventListener("online", () => this.retry());
    document.addEventListener("visibilitychange", () => this.retry());
  }

  /* What this browser still holds of this rater's, oldest first. */
  restore() {
    try {
      const keys = Object.keys(localStorage).filter((key) => key.startsWith(this.prefix));
      return keys.sort().map((key) => ({ ...JSON.parse(localStorage.getItem(key)), key }));
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      return []; // storage is switched off: the answers are held by this page alone
    }
  }

  keep(entry) {
    const { key, ...rest } = entry;
    try {
      localStorage.setItem(key, JSON.stringify(rest));
    } catch (error) {
      if (!(error instanceof DOMException)) throw error; // storage full or switched off
    }
  }

  forget(entry) {
    try {
      localStorage.removeItem(entry.key);
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
    }
  }

  /* `previous` is the answer that stands there as far as this page knows; null for none. */
  add(id, rating, responseMs, previous) {
    this.lastTime = Math.max(Date.now(), this.lastTime + 1);
    const client_id = clientId();
    const key = this.prefix + String(this.lastTime).padStart(16, "0") + ":" + client_id;
    const entry = { key, id, rating, client_id, response_ms: responseMs, previous };
    this.waiting.push(entry);
    this.keep(entry);
    this.flush();
  }

  /* The newest answer to each assignment that the server has not acknowledged; refused ones do not count. */
  ratings() {
    return new Map(this.waiting.map((entry) => [entry.id, entry.rating]));
  }

  /* Send what waits, and once more what was refused. */
  retry() {
    const again = this.refused.filter((entry) => !("there" in entry)).map(({ refusal, ...entry }) => entry);
    if (again.length && !this.sending) {
      this.refused = this.refused.filter((entry) => "there" in entry);
      this.waiting = [...again, ...this.waiting].sort((a, b) => (a.key < b.key ? -1 : 1));
    }
    this.flush();
  }

  async flush() {
    if (this.sending) return;
    clearTimeout(this.timer);
    this.sending = true;
    while (this.waiting.length) {
      this.onChange();
      const entry = this.waiting[0];
      const { saved, ...answer } = await this.send(entry);
      const refusal = answer.refusal;
      if (!saved && !refusal) {
        this.unreachable = true;
        this.trouble = answer.trouble || "";
        this.timer = setTimeout(() => this.flush(), this.wait);
        this.wait = Math.min(2 * this.wait, LONGEST_WAIT_MS);
        break;
      }
      this.unreachable = false;
      this.trouble = "";
      this.wait = FIRST_WAIT_MS;
      this.waiting.shift();
      if (saved) this.settle(entry);
      else this.refused.push({ ...entry, ...answer });
      if ("there" in answer) this.forget(entry); // the other answer stays; there is nothing to send again
    }
    this.sending = false;
    this.onChange();
  }

  /* An answer is safe: it goes from the storage, and so does a refused one that it replaces. */
  settle(entry) {
    this.forget(entry);
    this.refused.filter((old) => old.id === entry.id).forEach((old) => this.forget(old));
    this.refused = this.refused.filter((old) => old.id !== entry.id);
  }

  /* {saved: true}, or {refusal: why}, with the answer that is there where another page gave one, or {} where it is to
     be tried again, with {trouble: why} where the server is there and cannot save. */
  async send(entry) {
    const { id, rating, client_id, response_ms, previous } = entry;
    const patience = new AbortController();
    const timeout = setTimeout(() => patience.abort(), REQUEST_TIMEOUT_MS);
    try {
      const response = await fetch(this.address + encodeURIComponent(id), {
        method: "PUT",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ rating, client_id, response_ms, previous }),
        keepalive: true,
        signal: patience.signal,
      });
      if (response.ok) return { saved: true };
      if (response.status === 503) return { trouble: await explanation(response) };
      if (response.status >= 500 || RETRIED.includes(response.status)) return {};
      const body = await response.clone().json().catch(() => ({}));
      const there = [403, 409].includes(response.status) && "rating" in body ? { there: body.rating } : {};
      return { refusal: await explanation(response), ...there };
    } catch {
      return {}; // offline, the server is down, or it did not answer in time
    } finally {
      clearTimeout(timeout);
    }
  }
}

/* What the server says about a request that it turned down. */
async function explanation(response) {
  const body = await response.json().catch(() => ({}));
  return typeof body.detail === "string" ? body.detail : "The server answered with error " + response.status + ".";
}
