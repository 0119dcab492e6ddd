/* Which key presses which level: its digit where it has one, 0 for 10 where there is no level 0, and X for the one level
   that is left. Where more are left (fractions, numbers below 0) all have letters, in order from A. */

const LEFT_OVER = "x";

function keysOf(numbers) {
  const keys = numbers.map((number) => {
    if (Number.isInteger(number) && number >= 0 && number <= 9) return String(number);
    return number === 10 && !numbers.includes(0) ? "0" : "";
  });
  const left = keys.filter((key) => !key).length;
  if (left > 1) return numbers.map((_, i) => String.fromCharCode(97 + i));
  return keys.map((key) => key || LEFT_OVER);
}

/* The digit or small letter that an event stands for; "" for any other key. */
function keyOf(event) {
  if (/^[0-9a-z]$/i.test(event.key)) return event.key.toLowerCase();
  const digit = /^(?:Digit|Numpad)([0-9])$/.exec(event.code || ""); // a French keyboard, or Num Lock off
  if (digit) return event.shiftKey ? "" : digit[1];
  const letter = /^Key([A-Z])$/.exec(event.code || ""); // a Greek keyboard
  return letter ? letter[1].toLowerCase() : "";
}

/* The legend: the first and the last key of those that say the level's own number, and each other one with its level;
   letters stand for themselves. A part is [key, key, words]. */
function legendOf(numbers) {
  const keys = keysOf(numbers);
  const named = numbers.map(String);
  const own = keys.filter((key, i) => key === named[i]);
  if (!own.length) return [[keys[0].toUpperCase(), keys[keys.length - 1].toUpperCase(), ""]];
  const others = keys.flatMap((key, i) => (key === named[i] ? [] : [[key.toUpperCase(), "", " for " + named[i]]]));
  return [[own[0], own[own.length - 1], ""], ...others];
}
