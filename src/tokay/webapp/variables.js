// Every setting of the device, as its own help describes it.

import { CommandError, quote } from './tokay.js';
import { Page, ask, button, card, download, h, tell } from './ui.js';

class Variables extends Page {
  #rows = [];
  #changed = new Map();

  draw() {
    this.search = h('input', {
      type: 'search', placeholder: 'wlan, port, gpio', 'aria-label': 'Search variables',
      autocomplete: 'off', oninput: () => this.filter(),
    });
    this.only = h('input', { type: 'checkbox', onchange: () => this.filter() });
    this.count = h('p.muted', { role: 'status' });
    this.list = h('ul.list.variables', {});
    const file = h('input', { type: 'file', accept: '.txt,.csv,text/plain', hidden: true, onchange: () => this.import(file) });
    this.append(
      h('div.row.above', {}, h('div.grow', {}, this.search), h('label.row', {}, this.only, 'Unsaved only'),
        button('Save', () => this.save(), { kind: 'primary' }), button('Revert', () => this.revert()),
        button('Export', () => this.export()), button('Import', () => file.click()), file),
      this.count, card('Settings', this.list));
    this.load().catch((error) => tell(error.message, 'bad'));
  }

  async load() {
    this.values = await this.device.getGroup('all', { signal: this.signal });
    await this.unsaved();
    this.#rows = [...this.values].map(([name, value]) => this.row(name, value));
    this.list.replaceChildren(...this.#rows.map(({ element }) => element));
    this.filter();
  }

  /** What differs from the saved settings: the device says, else what was changed here. */
  async unsaved() {
    const text = await this.device.get('system.unsaved', { signal: this.signal, retries: 0 }).catch((error) => {
      if (error instanceof CommandError) return null;
      throw error;
    });
    this.told = text === null ? null : new Set(text.split('\r\n').filter(Boolean));
  }

  isChanged(name) {
    return this.told ? this.told.has(name) : this.#changed.has(name);
  }

  row(name, value) {
    const about = h('p.muted.about', { hidden: true });
    const input = h('input', {
      value, 'aria-label': name, autocomplete: 'off', spellcheck: 'false',
      onfocus: () => this.describe(name, input, about),
      onkeydown: (event) => {
        if (event.key === 'Escape') input.value = this.values.get(name);
        if (event.key === 'Enter') input.blur();
      },
      onchange: () => this.change(name, input),
    });
    const element = h('li', {}, h('span.name', {}, name), input, about);
    element.classList.toggle('changed', this.isChanged(name));
    return { name, text: name.toLowerCase(), element, input };
  }

  /** Show what the device's help says of a variable: its values, its default, when it applies. */
  async describe(name, input, about) {
    if (about.textContent) {
      about.hidden = false;
      return;
    }
    const help = await this.device.command(`help ${name.split(' ')[0]}`, undefined, { signal: this.signal }).catch(() => '');
    const [, , ...rows] = help.split('\r\n');
    about.textContent = rows.reverse().map((row) => row[0].toUpperCase() + row.slice(1).replace(/\.$/, '')).join('. ');
    about.hidden = !about.textContent;
    if (rows.length && !rows.some((row) => row.startsWith('values'))) {
      input.readOnly = true;
      about.textContent += '. It cannot be set here.';
    }
  }

  async change(name, input) {
    const { device, signal } = this;
    const value = input.value;
    try {
      try {
        await device.command(`set ${name} ${quote(value)}`, undefined, { signal });
      } catch (error) {
        // Some take several words, as a rate with `raw` behind it.
        if (!(error instanceof CommandError) || !value.includes(' ')) throw error;
        await device.command(`set ${name} ${value}`, undefined, { signal });
      }
      this.values.set(name, await device.get(name, { signal }));
      this.#changed.set(name, value);
      await this.unsaved();
      this.mark();
    } catch (error) {
      tell(`${name}: ${error.message}`, 'bad');
      input.value = this.values.get(name);
      return;
    }
    input.value = this.values.get(name);
  }

  mark() {
    for (const { name, element } of this.#rows) element.classList.toggle('changed', this.isChanged(name));
    this.filter();
  }

  filter() {
    const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    let changed = 0;
    for (const { name, text, element } of this.#rows) {
      const unsaved = this.isChanged(name);
      const hidden = !words.every((word) => text.includes(word)) || (this.only.checked && !unsaved);
      if (element.hidden !== hidden) element.hidden = hidden;
      shown += hidden ? 0 : 1;
      changed += unsaved ? 1 : 0;
    }
    this.count.textContent = `${shown} of ${this.#rows.length} variables, ${changed} unsaved`;
  }

  async save() {
    await this.device.save({ signal: this.signal });
    this.#changed.clear();
    await this.unsaved();
    this.mark();
    tell('Saved.');
  }

  async revert() {
    if (!await ask('Go back to the saved settings?', { yes: 'Revert', kind: 'danger' })) return;
    await this.device.command('revert', undefined, { signal: this.signal });
    this.#changed.clear();
    await this.load();
    tell('The saved settings are back.');
  }

  export() {
    // A mask is no value, and must not become one when the file comes back.
    const rows = [...this.values].filter(([, value]) => !/^\*+$/.test(value)).map(([name, value]) => `${name} ${quote(value)}`);
    download('settings.txt', `${rows.join('\n')}\n`, 'text/plain');
  }

  /** Set what a file of `name value` lines says; what the device refuses is counted and named. */
  async import(file) {
    const text = await file.files[0].text();
    file.value = '';
    const refused = [];
    let set = 0;
    for (const line of text.split(/\r?\n/).filter((row) => row && !row.startsWith('#'))) {
      const [, name, value] = line.match(/^(.+?) ("(?:[^"\\]|\\.)*"|\S*)$/) ?? [null, line, ''];
      if (this.values.has(name) && quote(this.values.get(name)) === value) continue;
      try {
        await this.device.command(`set ${line}`, undefined, { signal: this.signal });
        this.#changed.set(name, value);
        set++;
      } catch (error) {
        if (!(error instanceof CommandError)) throw error;
        refused.push(name);
      }
    }
    await this.load();
    tell(`${set} set, not saved yet.${refused.length ? ` Refused: ${refused.slice(0, 8).join(', ')}` : ''}`, refused.length ? 'bad' : 'good');
  }
}
customElements.define('page-variables', Variables);
