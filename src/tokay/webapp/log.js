// What the device says of itself, as it says it.

import { Page, button, download, h, tell, toggle } from './ui.js';

const MOST = 5000;

class Log extends Page {
  #lines = [];

  draw() {
    this.className = 'terminal';
    this.wanted = h('input', { type: 'search', placeholder: 'Filter', 'aria-label': 'Filter the log', autocomplete: 'off', oninput: () => this.filter() });
    this.follow = toggle('Follow', true);
    this.output = h('pre', { tabindex: '0', role: 'log', 'aria-label': 'Log' });
    this.append(h('div.row', {}, h('div.grow', {}, this.wanted), this.follow,
      button('Download', () => download('log.txt', this.#lines.map(({ text }) => `${text}\n`).join(''), 'text/plain')),
      button('Clear', () => {
        this.#lines = [];
        this.output.replaceChildren();
      })), this.output);
    this.watch().catch((error) => tell(error.message, 'bad'));
  }

  async watch() {
    for await (const text of this.device.watchLog({ signal: this.signal, period: 800 })) {
      const element = h('span.logged', {}, `${text}\n`);
      element.hidden = !this.fits(text);
      this.#lines.push({ text, element });
      this.output.append(element);
      if (this.#lines.length > MOST) this.#lines.shift().element.remove();
      if (this.follow.box.checked) this.output.scrollTop = this.output.scrollHeight;
    }
  }

  fits(text) {
    return text.toLowerCase().includes(this.wanted.value.toLowerCase());
  }

  filter() {
    for (const { text, element } of this.#lines) element.hidden = !this.fits(text);
  }
}
customElements.define('page-log', Log);
