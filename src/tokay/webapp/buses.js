// I2C and SPI: what is open, and a tool that writes to a slave and reads from it.

import { CommandError } from './tokay.js';
import { card, field, h, tell } from './ui.js';

const OPEN = { I2C: 'i2c_master_open', SPI: 'spi_master_open' };

/** A card for a page; `look()` shows the open streams anew. Hidden where the product has no buses. */
export class Buses {
  constructor(page) {
    this.page = page;
    this.kind = h('select', {}, Object.keys(OPEN).map((name) => h('option', { value: name }, name)));
    this.where = h('input', { autocomplete: 'off', value: '0x48', required: true });
    this.out = h('input', { autocomplete: 'off', placeholder: '00 1f' });
    this.size = h('input', { type: 'number', min: 0, max: 1024, value: 2, required: true });
    this.answer = h('pre', { tabindex: '0', role: 'log', 'aria-label': 'What came from the bus' });
    this.rows = h('p.muted', {});
    this.run = h('button.primary', { type: 'submit' }, 'Transfer');
    const whereField = field('Address', this.where);
    this.kind.addEventListener('change', () => {
      const i2c = this.kind.value === 'I2C';
      whereField.querySelector('label').textContent = i2c ? 'Address' : 'Select pin';
      this.where.required = i2c;
      this.where.value = i2c ? '0x48' : '';
      this.where.placeholder = i2c ? '' : 'the own select';
    });
    this.element = card('I2C and SPI', this.rows,
      h('p.muted', {}, 'Writes the bytes, then reads with a repeated start or under the same select.'),
      h('form', { onsubmit: (event) => this.submit(event) },
        field('Bus', this.kind), whereField, field('Write (hexadecimal)', this.out), field('Read (bytes)', this.size),
        h('div.row.end', {}, this.run)),
      this.answer);
    this.element.hidden = true;
  }

  async start() {
    const commands = await this.page.device.command('help commands', undefined, { signal: this.page.signal });
    this.element.hidden = !commands.includes(OPEN.I2C);
  }

  async look() {
    if (this.element.hidden) return;
    const streams = await this.page.device.streams({ signal: this.page.signal });
    const open = streams.filter(({ type }) => type in OPEN).map(({ handle, type, info }) => `${handle}: ${type} ${info}`);
    this.rows.textContent = open.length ? open.join(', ') : 'No I2C or SPI stream is open.';
  }

  async submit(event) {
    event.preventDefault();
    this.run.disabled = true;
    try {
      const bytes = await this.transfer(fromHex(this.out.value), Number(this.size.value));
      this.answer.textContent = bytes.length ? toHex(bytes) : 'Written.';
    } catch (error) {
      this.answer.textContent = '';
      tell(error instanceof CommandError ? 'The slave did not answer: the log says why.' : error.message, 'bad');
    } finally {
      this.run.disabled = false;
    }
  }

  async transfer(out, size) {
    const { device, signal } = this.page;
    const where = this.where.value.trim();
    const place = this.kind.value === 'I2C' ? ` ${where}` : where && ` -s ${where}`;
    const handle = Number(await device.command(`${OPEN[this.kind.value]}${place}`, undefined, { signal }));
    try {
      if (out.length) await device.command(`stream_write ${size ? '-f ' : ''}${handle} ${out.length}`, out, { signal });
      return size ? await device.read(handle, size, { signal }) : new Uint8Array();
    } finally {
      await device.closeStream(handle, { signal });
    }
  }
}

function fromHex(text) {
  const digits = text.replaceAll(/\s/g, '');
  if (!/^([0-9a-fA-F]{2})*$/.test(digits)) throw new Error('Bytes are pairs of hexadecimal digits.');
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

function toHex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
}
