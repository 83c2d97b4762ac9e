// The files of the device: what is there, up, down, and away.

import { toText } from './tokay.js';
import { Page, ask, button, card, download, field, h, size, tell } from './ui.js';

const MAX_VIEWED = 256 * 1024;
const HIDDEN_FLAGS = 0x1a; // firmware and what is half written

class Files extends Page {
  draw() {
    const input = h('input', { type: 'file', multiple: true, hidden: true, onchange: () => this.upload([...input.files]).finally(() => { input.value = ''; }) });
    this.folder = h('input', { value: '', placeholder: 'webapp/', autocomplete: 'off', autocapitalize: 'off' });
    this.unprotected = h('input', { type: 'checkbox' });
    this.progress = h('div', { role: 'status' });
    const drop = h('div.drop', {
      ondragover: (event) => { event.preventDefault(); drop.classList.add('over'); },
      ondragleave: () => drop.classList.remove('over'),
      ondrop: (event) => {
        event.preventDefault();
        drop.classList.remove('over');
        this.upload([...event.dataTransfer.files]);
      },
    }, h('p', {}, 'Drop files here, or choose them.'), button('Choose files', () => input.click(), { kind: 'primary' }), input);
    this.body = h('tbody', {});
    this.used = h('p.muted', {});
    this.append(
      card('Upload', drop, field('Put before the name', this.folder), h('label.row', {}, this.unprotected, 'Served without a login'), this.progress),
      card('Files', this.used, h('div.scroll', {}, h('table.files', {},
        h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'Name'), h('th', { scope: 'col' }, 'Size'),
          h('th.phone-hidden', { scope: 'col' }, 'Version'), h('th', { scope: 'col' }, 'Actions'))), this.body))));
    this.list().catch((error) => tell(error.message, 'bad'));
  }

  async list() {
    const files = (await this.device.files({ signal: this.signal })).filter(({ flags }) => !(flags & HIDDEN_FLAGS));
    this.names = new Set(files.map(({ name }) => name));
    this.body.replaceChildren(...files.map((file) => this.row(file)));
    this.used.textContent = `${files.length} files, ${size(files.reduce((sum, file) => sum + file.size, 0))}`;
  }

  row(file) {
    return h('tr', {}, h('td.name.mono', {}, file.name), h('td.number', {}, size(file.size)),
      h('td.phone-hidden', {}, file.version),
      h('td', {}, h('div.row', {},
        button('View', () => this.view(file), { 'aria-label': `View ${file.name}` }),
        button('Download', () => this.fetch(file), { 'aria-label': `Download ${file.name}` }),
        button('Delete', () => this.remove(file), { kind: 'danger', 'aria-label': `Delete ${file.name}` }))));
  }

  async upload(files) {
    for (const file of files) {
      const name = this.folder.value + file.name;
      if (this.names?.has(name) && !await ask(`Replace ${name}?`, { yes: 'Replace', kind: 'danger' })) continue;
      const bar = h('progress', { max: file.size || 1, value: 0, 'aria-label': `Uploading ${name}` });
      this.progress.replaceChildren(h('p', {}, `Uploading ${name}`), bar);
      try {
        await this.device.writeFile(name, await file.arrayBuffer(), {
          signal: this.signal, unprotected: this.unprotected.checked, progress: (bytes) => { bar.value = bytes; },
        });
        tell(`${name} is on the device.`);
      } catch (error) {
        tell(`${name}: ${error.message}`, 'bad');
      }
      this.progress.replaceChildren();
      await this.list().catch((error) => tell(error.message, 'bad'));
    }
  }

  async fetch(file) {
    const bar = h('progress', { max: file.size, value: 0, 'aria-label': `Downloading ${file.name}` });
    this.progress.replaceChildren(bar);
    try {
      const bytes = await this.device.readFile(file.name, { signal: this.signal, progress: (done) => { bar.value = done; } });
      download(file.name.split('/').at(-1), bytes);
    } finally {
      this.progress.replaceChildren();
    }
  }

  async view(file) {
    if (file.size > MAX_VIEWED) {
      tell('This file is too long to show; download it.', 'bad');
      return;
    }
    let bytes = await this.device.readFile(file.name, { signal: this.signal });
    if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
      const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
      bytes = new Uint8Array(await new Response(plain).arrayBuffer());
    }
    const binary = bytes.subarray(0, 512).some((byte) => byte < 9 || (byte > 13 && byte < 32));
    const text = binary
      ? Array.from(bytes.subarray(0, 4096), (byte) => byte.toString(16).padStart(2, '0')).join(' ').replace(/((?:\S+ ){16})/g, '$1\n')
      : toText(bytes);
    await ask(file.name, { body: [h('div.scroll', {}, h('pre', { tabindex: '0' }, text))], yes: 'Close', wide: true });
  }

  async remove(file) {
    if (!await ask(`Delete ${file.name}?`, { body: [h('p', {}, 'This cannot be undone.')], yes: 'Delete', kind: 'danger' })) return;
    await this.device.deleteFile(file.name, { signal: this.signal });
    await this.list();
  }
}
customElements.define('page-files', Files);
