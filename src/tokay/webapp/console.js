// The command line: what is typed goes to the device, what it says is shown as it is.

import { book } from './book.js';
import { CommandError } from './tokay.js';
import { Page, button, h } from './ui.js';

const MAX_LINES = 2000;
const MAX_HISTORY = 500;
const KEY = 'tokay.history';
// These read data from the line behind them, which has its own pages here.
const WITH_DATA = /^(file_create|fcr|stream_write|write|smtp_send|smtp)\b(?!.*-o)/;

class Console extends Page {
  #names = null;
  #at = 0;

  draw() {
    this.className = 'terminal';
    this.output = h('pre', { tabindex: '0', role: 'log', 'aria-label': 'What the device said' });
    this.input = h('input', {
      'aria-label': 'Command', autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false',
      placeholder: 'help commands', enterkeyhint: 'send', onkeydown: (event) => this.key(event),
    });
    this.completions = h('p.muted', { 'aria-live': 'polite' });
    this.append(this.output, this.completions,
      h('form', { onsubmit: (event) => { event.preventDefault(); this.run(); } },
        this.input, h('button.primary', { type: 'submit' }, 'Run'),
        button('Clear', () => this.output.replaceChildren())));
    this.history = JSON.parse(localStorage.getItem(KEY) ?? '[]');
    this.#at = this.history.length;
    this.input.focus();
    book.addEventListener('line', ({ detail }) => this.say(detail, '.logged'), { signal: this.signal });
  }

  say(text, kind = '') {
    const below = this.output.scrollTop + this.output.clientHeight > this.output.scrollHeight - 40;
    this.output.append(...text.split('\r\n').map((line) =>
      h(`span${kind || (line.startsWith('!') ? '.heading' : '')}`, {}, `${line}\n`)));
    while (this.output.childNodes.length > MAX_LINES) this.output.firstChild.remove();
    if (below) this.output.scrollTop = this.output.scrollHeight;
  }

  async run() {
    const line = this.input.value.trim();
    if (!line) return;
    this.input.value = '';
    this.completions.textContent = '';
    if (this.history.at(-1) !== line) this.history.push(line);
    this.history = this.history.slice(-MAX_HISTORY);
    // A passphrase is not kept where the next person at this browser could read it.
    const kept = this.history.filter((one) => !/passkey|password|\bwl p\b|\bht s w\b/i.test(one));
    localStorage.setItem(KEY, JSON.stringify(kept));
    this.#at = this.history.length;
    this.say(`> ${line}`, '.said');
    if (WITH_DATA.test(line)) {
      this.say('This command reads data: use the pages Files and Streams.', '.wrong');
      return;
    }
    try {
      this.say(await this.device.command(line, undefined, { signal: this.signal, timeout: 60000 }));
    } catch (error) {
      if (error.name === 'AbortError') return;
      this.say(error instanceof CommandError ? error.response.trimEnd() : error.message, '.wrong');
    }
  }

  key(event) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step) {
      event.preventDefault();
      this.#at = Math.min(Math.max(this.#at + step, 0), this.history.length);
      this.input.value = this.history[this.#at] ?? '';
    } else if (event.key === 'Tab' && this.input.value && !event.shiftKey) {
      event.preventDefault();
      this.complete();
    } else if (event.key === 'Escape') {
      this.input.value = '';
      this.completions.textContent = '';
    }
  }

  /** Complete what the device's own help knows: a command first, then variables. */
  async complete() {
    this.#names ??= await this.learn().catch(() => null);
    if (!this.#names) return;
    const [, before, word] = this.input.value.match(/^(.*?)(\S*)$/);
    const names = before.trim() ? this.#names.variables : this.#names.commands;
    const found = names.filter((one) => one.startsWith(word));
    let common = found[0] ?? word;
    while (!found.every((one) => one.startsWith(common))) common = common.slice(0, -1);
    this.input.value = before + common + (found.length === 1 ? ' ' : '');
    this.completions.textContent = found.length > 1 ? found.slice(0, 40).join('  ') : '';
  }

  async learn() {
    const options = { signal: this.signal, retries: 1 };
    const commands = await this.device.command('help commands', undefined, options);
    const variables = await this.device.command('help variables', undefined, options);
    return {
      commands: commands.split('\r\n').map((row) => row.split(':')[0].trim()).sort(),
      variables: variables.split('\r\n').map((row) => row.trim().split(/\s+/)[1] ?? '').sort(),
    };
  }
}
customElements.define('page-console', Console);
