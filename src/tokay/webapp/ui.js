// What the pages are made of. Text from the device becomes text nodes and never markup.

const SVG = 'http://www.w3.org/2000/svg';

/** An element: `h('button.primary', { type: 'button', onclick }, 'Save')`. */
export function h(what, props = {}, ...children) {
  return fill(document.createElement(what.split('.')[0]), what, props, children);
}

export function svg(what, props = {}, ...children) {
  return fill(document.createElementNS(SVG, what.split('.')[0]), what, props, children);
}

function fill(element, what, props, children) {
  const classes = what.split('.').slice(1);
  if (classes.length) element.setAttribute('class', classes.join(' '));
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name in element && typeof value !== 'string' && !(element instanceof SVGElement)) element[name] = value;
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// Icons: one path each, drawn on 24 by 24.
const ICONS = {
  overview: 'M3 13h8V3H3v10zm0 8h8v-6H3v6zm10 0h8V11h-8v10zm0-18v6h8V3h-8z',
  console: 'M4 5h16v14H4V5zm2.5 4 3 3-3 3 1.4 1.4L12.3 12 7.9 7.6 6.5 9zM12 15h6v2h-6v-2z',
  network: 'M12 18.5 15 15a4.2 4.2 0 0 0-6 0l3 3.5zM4 9.6l2 2.3a9 9 0 0 1 12 0l2-2.3a12.1 12.1 0 0 0-16 0z',
  variables: 'M4 6h10v2H4V6zm12-1h2v4h-2V5zm2 1h2v2h-2V6zM4 11h3v2H4v-2zm5-1h2v4H9v-4zm2 1h9v2h-9v-2zM4 16h9v2H4v-2zm11-1h2v4h-2v-4zm2 1h3v2h-3v-2z',
  streams: 'M3 8h13l-3-3 1.4-1.4L19.8 9l-5.4 5.4L13 13l3-3H3V8zm18 8H8l3 3-1.4 1.4L4.2 15l5.4-5.4L11 11l-3 3h13v2z',
  files: 'M6 2h8l6 6v14H4V2h2zm7 1.5V9h5.5L13 3.5z',
  pins: 'M7 7h10v10H7V7zM9 2h2v4H9V2zm4 0h2v4h-2V2zM9 18h2v4H9v-4zm4 0h2v4h-2v-4zM2 9h4v2H2V9zm0 4h4v2H2v-2zm16-4h4v2h-4V9zm0 4h4v2h-4v-2z',
  log: 'M4 5h16v2H4V5zm0 4h10v2H4V9zm0 4h16v2H4v-2zm0 4h10v2H4v-2z',
  system: 'M12 8.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM10.5 2h3l.5 2.7 1.9.8L18.2 4l2 2-1.5 2.3.8 1.9 2.5.5v2.8l-2.5.5-.8 1.9 1.5 2.3-2 2-2.3-1.5-1.9.8-.5 2.5h-3l-.5-2.5-1.9-.8L5.8 20l-2-2 1.5-2.3-.8-1.9L2 13.5v-2.8l2.5-.5.8-1.9L3.8 6l2-2 2.3 1.5 1.9-.8.5-2.7z',
  lock: 'M6 10V8a6 6 0 1 1 12 0v2h1v11H5V10h1zm2 0h8V8a4 4 0 1 0-8 0v2z',
  close: 'm6.4 5 5.6 5.6L17.6 5 19 6.4 13.4 12l5.6 5.6-1.4 1.4-5.6-5.6L6.4 19 5 17.6l5.6-5.6L5 6.4 6.4 5z',
  menu: 'M3 6h18v2H3V6zm0 5h18v2H3v-2zm0 5h18v2H3v-2z',
};

export function icon(name) {
  return svg('svg.icon', { viewBox: '0 0 24 24', 'aria-hidden': 'true' }, svg('path', { d: ICONS[name] }));
}

/** A button that cannot be pressed twice while its work runs, and tells when the work fails. */
export function button(text, work, { kind = '', ...props } = {}) {
  const element = h(`button${kind && `.${kind}`}`, {
    type: 'button', ...props,
    onclick: async () => {
      element.setAttribute('aria-busy', 'true');
      element.disabled = true;
      try {
        await work(element);
      } catch (error) {
        if (error.name !== 'AbortError') tell(error.message, 'bad');
      } finally {
        element.removeAttribute('aria-busy');
        element.disabled = false;
      }
    },
  }, text);
  return element;
}

let fields = 0;

/** A labelled control with a hint below it. */
export function field(label, control, hint = '') {
  const id = control.id || `field-${++fields}`;
  control.id = id;
  const below = hint && h('small', { id: `${id}-hint` }, hint);
  if (below) control.setAttribute('aria-describedby', below.id);
  return h('div.field', {}, h('label', { for: id }, label), control, below);
}

/** A switch with its label. */
export function toggle(label, checked, change) {
  const box = h('input', { type: 'checkbox', role: 'switch', checked, onchange: () => change?.(box.checked) });
  return Object.assign(h('label.switch', {}, box, h('span', {}, label)), { box });
}

export function card(title, ...children) {
  const id = `card-${++fields}`;
  return h('section.card', { 'aria-labelledby': id }, h('h2', { id }, title), ...children);
}

/** Rows of name and value; `set(name, value)` changes one. */
export class Facts extends HTMLElement {
  #cells = new Map();

  set(name, value) {
    let cell = this.#cells.get(name);
    if (!cell) {
      this.#list ??= this.appendChild(h('dl', {}));
      this.#list.append(h('div', {}, h('dt', {}, name), cell = h('dd', {})));
      this.#cells.set(name, cell);
    }
    if (cell.textContent !== String(value)) cell.textContent = value;
  }

  #list;
}
customElements.define('tokay-facts', Facts);

/** A line that moves: the last values of one or two series. */
export class Plot extends HTMLElement {
  static MOST = 60;
  #series = [];
  #lines = [];
  #label;

  /** `names` of the series, `unit`, and `range` or the largest value seen. */
  setup(names, unit, range = null) {
    this.range = range;
    this.unit = unit;
    this.names = names;
    this.#series = names.map(() => []);
    this.#lines = names.map((_, n) => svg(`polyline.line${n}`, { points: '', fill: 'none' }));
    this.#label = h('p.muted', {}, 'Waiting for the first values');
    this.replaceChildren(
      svg('svg', { viewBox: '0 0 300 80', preserveAspectRatio: 'none', role: 'img', 'aria-label': names.join(' and ') },
        [20, 40, 60].map((y) => svg('line.grid', { x1: 0, x2: 300, y1: y, y2: y })), this.#lines),
      this.#label);
    return this;
  }

  push(...values) {
    this.#series.forEach((series, n) => {
      series.push(values[n]);
      if (series.length > Plot.MOST) series.shift();
    });
    const [low, high] = this.range ?? [0, Math.max(1, ...this.#series.flat().filter(Number.isFinite))];
    this.#series.forEach((series, n) => {
      const from = Plot.MOST - series.length;
      const points = series.map((value, at) => Number.isFinite(value)
        ? `${(((from + at) / (Plot.MOST - 1)) * 300).toFixed(1)},${(78 - ((Math.min(Math.max(value, low), high) - low) / (high - low)) * 76).toFixed(1)}`
        : null);
      this.#lines[n].setAttribute('points', points.filter(Boolean).join(' '));
    });
    this.#label.textContent = this.names.map((name, n) =>
      `${name} ${Number.isFinite(values[n]) ? `${values[n]} ${this.unit}` : 'none'}`).join(', ');
  }
}
customElements.define('tokay-plot', Plot);

/** Signal bars, as the pages of these devices always drew them. */
export function bars(rssi) {
  const strength = [-85, -70, -55, -40].filter((limit) => rssi > limit).length;
  return svg('svg.bars', { viewBox: '0 0 20 16', role: 'img', 'aria-label': `${strength} of 4 bars, ${rssi} dBm` },
    [0, 1, 2, 3].map((n) => svg('rect', {
      x: n * 5, y: 12 - n * 4, width: 4, height: 4 + n * 4, class: n < strength ? 'on' : 'off',
    })));
}

// What a page tells: a line that goes away, and questions.

export function tell(text, kind = 'good') {
  const line = h(`div.toast.${kind}`, {}, h('span', {}, text),
    h('button.plain', { type: 'button', 'aria-label': 'Dismiss', onclick: () => line.remove() }, icon('close')));
  document.querySelector('#toasts').append(line);
  setTimeout(() => line.remove(), kind === 'bad' ? 10000 : 4000);
}

/** Ask in a dialog; resolves to the form's values, or null. `typed` must be typed to go on. */
export function ask(title, { body = [], yes = 'OK', kind = 'primary', typed = '', wide = false } = {}) {
  return new Promise((done) => {
    const word = typed && h('input', { name: 'typed', autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false' });
    const go = h(`button.${kind}`, { type: 'submit', value: 'yes', disabled: Boolean(typed) }, yes);
    if (word) word.addEventListener('input', () => { go.disabled = word.value !== typed; });
    const form = h('form', { method: 'dialog' },
      h('h2', {}, title), ...body, word && field(`Type ${typed} to go on`, word),
      h('div.row.end', {}, h('button', { type: 'submit', value: 'no', formnovalidate: true }, 'Cancel'), go));
    const dialog = h(`dialog${wide ? '.wide' : ''}`, { 'aria-label': title }, form);
    dialog.addEventListener('close', () => {
      dialog.remove();
      done(dialog.returnValue === 'yes' ? Object.fromEntries(new FormData(form)) : null);
    });
    document.body.append(dialog);
    dialog.showModal();
    if (!typed) form.querySelector('input, select, textarea')?.focus();
  });
}

/** Save bytes or text as a file of the user's. */
export function download(name, data, type = 'application/octet-stream') {
  const url = URL.createObjectURL(new Blob([data], { type }));
  const link = h('a', { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}

export function size(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1048576 ? `${(bytes / 1024).toFixed(1)} KB` : `${(bytes / 1048576).toFixed(1)} MB`;
}

export function duration(seconds) {
  const days = Math.floor(seconds / 86400);
  const clock = new Date(Math.max(0, seconds % 86400) * 1000).toISOString().slice(11, 19);
  return days ? `${days} d ${clock}` : clock;
}

/** A page: `device` is set before it is shown, `signal` aborts when it is left. */
export class Page extends HTMLElement {
  #left = new AbortController();

  get signal() {
    return this.#left.signal;
  }

  connectedCallback() {
    if (!this.children.length) this.draw();
  }

  disconnectedCallback() {
    this.#left.abort();
  }

  /** Do something now and every `period` ms until the page is left; what fails is told once. */
  async every(period, work) {
    for (let failed = false; !this.signal.aborted;) {
      if (!document.hidden) {
        try {
          await work();
          failed = false;
        } catch (error) {
          if (this.signal.aborted) return;
          if (!failed) tell(error.message, 'bad');
          failed = true;
        }
      }
      await new Promise((done) => setTimeout(done, period));
    }
  }
}
