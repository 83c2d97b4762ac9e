// Open streams, what comes out of them, and what goes in.

import { CommandError, toBytes, toText } from './tokay.js';
import { Page, button, card, field, h, tell } from './ui.js';

const KINDS = {
  tcp_client: 'TCP client', tls_client: 'TLS client', udp_client: 'UDP client',
  websocket_client: 'WebSocket client', http_get: 'HTTP GET',
};
const BY_URL = new Set(['websocket_client', 'http_get']);
const MAX_SHOWN = 20000; // characters kept of a watched stream

class Streams extends Page {
  #watched = new Map();

  draw() {
    const kind = h('select', {}, Object.entries(KINDS).map(([value, text]) => h('option', { value }, text)));
    const host = h('input', { required: true, autocomplete: 'off', autocapitalize: 'off', placeholder: '192.168.1.10' });
    const port = h('input', { type: 'number', min: 1, max: 65535, value: 3000, required: true });
    const portField = field('Port', port);
    const hostField = field('Host', host);
    kind.addEventListener('change', () => {
      portField.hidden = BY_URL.has(kind.value);
      port.required = !portField.hidden;
      hostField.querySelector('label').textContent = portField.hidden ? 'URL' : 'Host';
    });
    const open = h('button.primary', { type: 'submit' }, 'Open');
    this.tables = h('div', {});
    this.append(card('Open a stream', h('form', {
      onsubmit: async (event) => {
        event.preventDefault();
        open.disabled = true;
        try {
          const where = portField.hidden ? host.value : `${host.value} ${port.value}`;
          const handle = await this.device.command(`${kind.value} ${where}`, undefined, { signal: this.signal, timeout: 60000 });
          tell(`Stream ${handle} is open.`);
          await this.look();
        } catch (error) {
          tell(error instanceof CommandError ? `It could not be opened: ${error.message}` : error.message, 'bad');
        } finally {
          open.disabled = false;
        }
      },
    }, field('Type', kind), hostField, portField, h('div.row.end', {}, open))), this.tables);
    this.every(1000, () => this.look());
  }

  async look() {
    const { device, signal } = this;
    const streams = await device.streams({ signal });
    const there = new Set(streams.map(({ handle }) => handle));
    for (const [handle, watched] of this.#watched) {
      if (!there.has(handle)) {
        watched.element.remove();
        this.#watched.delete(handle);
      }
    }
    for (const stream of streams) {
      if (!this.#watched.has(stream.handle)) this.add(stream);
      const watched = this.#watched.get(stream.handle);
      watched.info.textContent = stream.info;
      if (watched.watch.checked) await this.read(stream.handle, watched);
    }
    if (!streams.length && !this.tables.children.length) this.tables.append(card('Streams', h('p.muted', {}, 'None is open.')));
    else if (streams.length) this.tables.querySelector('.card:not([data-handle])')?.remove();
  }

  add({ handle, type, info }) {
    const output = h('pre', { tabindex: '0', role: 'log', 'aria-label': `What came from stream ${handle}` });
    const watch = h('input', { type: 'checkbox' });
    const hex = h('input', { type: 'checkbox' });
    const data = h('input', { 'aria-label': `Data for stream ${handle}`, autocomplete: 'off', placeholder: 'Text, with \\r \\n \\x00' });
    const line = h('p.muted', {}, info);
    const element = card(`${handle}: ${type}`, line,
      h('div.row', {}, h('label.row', {}, watch, 'Watch (this reads what the host would read)'), h('label.row', {}, hex, 'Hex'),
        button('Close', async () => {
          await this.device.closeStream(handle, { signal: this.signal });
          await this.look();
        }, { kind: 'danger' })),
      output,
      h('form.row', {
        onsubmit: async (event) => {
          event.preventDefault();
          try {
            await this.device.write(handle, unescape(data.value), { signal: this.signal });
            data.value = '';
          } catch (error) {
            tell(error.message, 'bad');
          }
        },
      }, h('div.grow', {}, data), h('button', { type: 'submit' }, 'Send')));
    element.dataset.handle = handle;
    this.tables.append(element);
    this.#watched.set(handle, { element, info: line, output, watch, hex });
  }

  async read(handle, { output, hex }) {
    for (let bytes; (bytes = await this.device.read(handle, 1400, { signal: this.signal }).catch((error) => {
      if (error instanceof CommandError) return [];
      throw error;
    })).length;) {
      const text = hex.checked
        ? `${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ')} ` : toText(bytes);
      output.append(text);
      if (output.textContent.length > MAX_SHOWN) output.textContent = output.textContent.slice(-MAX_SHOWN / 2);
      output.scrollTop = output.scrollHeight;
    }
  }
}
customElements.define('page-streams', Streams);

function unescape(text) {
  const bytes = [];
  for (const part of text.match(/\\x[0-9a-fA-F]{2}|\\[rnt0\\]|[^\\]+|\\/gs) ?? []) {
    const escape = { '\\r': 13, '\\n': 10, '\\t': 9, '\\0': 0, '\\\\': 92 }[part];
    if (escape !== undefined) bytes.push(escape);
    else if (part.startsWith('\\x')) bytes.push(parseInt(part.slice(2), 16));
    else bytes.push(...toBytes(part));
  }
  return Uint8Array.from(bytes);
}
