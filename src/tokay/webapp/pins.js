// The board as seen from above: each pin with its level and what it is for.

import { Buses } from './buses.js';
import { Page, button, card, h, svg, tell } from './ui.js';

const STEP = 26;

class Pins extends Page {
  #pads = [];

  draw() {
    this.board = h('div', {});
    this.rows = h('tbody', {});
    this.append(card('Board', h('p.muted', {}, 'A filled pad is high. Select an output to toggle it.'), this.board),
      card('Pins in use', h('div.scroll', {}, h('table', {}, h('thead', {}, h('tr', {},
        h('th', { scope: 'col' }, 'Pin'), h('th', { scope: 'col' }, 'Use'), h('th', { scope: 'col' }, 'Level'), h('th', { scope: 'col' }, 'Action'))), this.rows))));
    this.buses = new Buses(this);
    this.append(this.buses.element);
    this.buses.start().catch((error) => tell(error.message, 'bad'));
    this.every(1000, () => this.look());
  }

  async look() {
    const { device, signal } = this;
    const usage = await device.get('gpio.usage', { signal });
    const levels = await device.command('gpios_get', undefined, { signal });
    const uses = new Map(usage.split('\r\n').map((row) => row.match(/^#\s*(\d+)\s+(.*)$/)).filter(Boolean).map((m) => [Number(m[1]), m[2]]));
    if (this.#pads.length !== levels.length) this.lay(levels.length);
    this.#pads.forEach((pad, pin) => {
      const use = uses.get(pin) ?? '';
      const high = levels[pin] === '1';
      pad.pad.setAttribute('class', high ? 'pad high' : 'pad');
      pad.use.textContent = use.length > 26 ? `${use.slice(0, 25)}…` : use;
      pad.title.textContent = `GPIO ${pin} ${use || 'not used'}, ${high ? 'high' : 'low'}`;
      pad.output = / out$/.test(use);
      pad.high = high;
      if (pad.output) {
        pad.group.setAttribute('role', 'button');
        pad.group.setAttribute('tabindex', '0');
        pad.group.setAttribute('aria-pressed', high);
      } else {
        for (const name of ['role', 'tabindex', 'aria-pressed']) pad.group.removeAttribute(name);
      }
    });
    this.table(uses, levels);
    await this.buses.look();
  }

  table(uses, levels) {
    const text = JSON.stringify([[...uses], levels]);
    if (text === this.shown) return;
    this.shown = text;
    this.rows.replaceChildren(...[...uses].map(([pin, use]) => h('tr', {}, h('td', {}, `${pin}`), h('td.name', {}, use),
      h('td', {}, levels[pin] === '1' ? 'high' : 'low'),
      h('td', {}, / out$/.test(use) && button('Toggle', () => this.flip(pin), { 'aria-label': `Toggle GPIO ${pin}` })))));
    if (!uses.size) this.rows.append(h('tr', {}, h('td', { colspan: 4 }, 'No pin is in use. gpio_dir makes one an input or output.')));
  }

  async flip(pin) {
    await this.device.command(`gpio_set ${pin} ${this.#pads[pin].high ? 0 : 1}`, undefined, { signal: this.signal });
    await this.look();
  }

  /** Draw the module with half of its pins on each side. */
  lay(count) {
    const half = Math.ceil(count / 2);
    const height = half * STEP + 20;
    this.#pads = Array.from({ length: count }, (_, pin) => {
      const left = pin < half;
      const y = 10 + (pin % half) * STEP + STEP / 2;
      const pad = svg('rect.pad', { x: left ? 232 : 432, y: y - 7, width: 36, height: 14, rx: 3 });
      const number = svg('text', { x: left ? 280 : 420, y: y + 4, 'text-anchor': left ? 'start' : 'end' }, `${pin}`);
      const use = svg('text.soft', { x: left ? 224 : 476, y: y + 4, 'text-anchor': left ? 'end' : 'start' });
      const title = svg('title', {});
      const group = svg('g', {
        onclick: () => this.press(pin),
        onkeydown: (event) => {
          if (event.key === 'Enter' || event.key === ' ') {
            event.preventDefault();
            this.press(pin);
          }
        },
      }, title, pad, number, use);
      return { group, pad, use, title, output: false, high: false };
    });
    this.board.replaceChildren(svg('svg.board', { viewBox: `0 0 700 ${height}`, role: 'group', 'aria-label': 'Pins' },
      svg('rect.body', { x: 250, y: 2, width: 200, height: height - 4, rx: 10 }),
      this.#pads.map(({ group }) => group)));
  }

  press(pin) {
    if (this.#pads[pin].output) this.flip(pin).catch((error) => tell(error.message, 'bad'));
  }
}
customElements.define('page-pins', Pins);
