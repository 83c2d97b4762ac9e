// The log as it came since the app was opened: the device forgets a line once it is told.

const MOST = 5000;

/** Tells `line` (detail: its text). */
export const book = new EventTarget();
book.lines = [];

/** Keep the log of a device from now on. */
export async function keep(device) {
  try {
    for await (const text of device.watchLog()) {
      book.lines.push(text);
      if (book.lines.length > MOST) book.lines.shift();
      book.dispatchEvent(new CustomEvent('line', { detail: text }));
    }
  } catch { /* the API is off, or nobody is logged in: the pages say so */ }
}
