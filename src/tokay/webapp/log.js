// What the device says of itself, as it says it.

import { book } from './book.js';
import { Page, button, download, h, toggle } from './ui.js';

class Log extends Page {
  draw() {
    this.className = 'terminal';
    this.wanted = h('input', {
      type: 'search', placeholder: 'Filter', 'aria-label': 'Filter the log', autocomplete: 'off',
      oninput: () => this.filter(),
    });
    this.follow = toggle('Follow', true);
    this.output = h('pre', { tabindex: '0', role: 'log', 'aria-label': 'Log' });
    this.append(h('div.row.above', {}, h('div.grow', {}, this.wanted), this.follow,
      button('Download', () => download('log.txt', book.lines.map((line) => `${line}\n`).join(''), 'text/plain')),
      button('Clear', () => {
        book.lines.length = 0;
        this.output.replaceChildren();
      })), this.output);
    book.lines.forEach((line) => this.add(line));
    book.addEventListener('line', ({ detail }) => this.add(detail), { signal: this.signal });
  }

  add(text) {
    const line = h('span.logged', {}, `${text}\n`);
    line.hidden = !this.fits(text);
    this.output.append(line);
    while (this.output.childNodes.length > book.lines.length) this.output.firstChild.remove();
    if (this.follow.box.checked) this.output.scrollTop = this.output.scrollHeight;
  }

  fits(text) {
    return text.toLowerCase().includes(this.wanted.value.toLowerCase());
  }

  filter() {
    for (const line of this.output.childNodes) line.hidden = !this.fits(line.textContent);
  }
}
customElements.define('page-log', Log);
