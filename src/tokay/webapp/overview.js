// Where the device is, how it is, and what it carries.

import { Page, Plot, bars, card, duration, h } from './ui.js';

const PERIOD = 2000;

class Overview extends Page {
  #last = null; // what had been carried at the last look, and when

  draw() {
    this.network = document.createElement('tokay-facts');
    this.health = document.createElement('tokay-facts');
    this.signalPlot = new Plot().setup(['Signal'], 'dBm', [-100, -20]);
    this.traffic = new Plot().setup(['Received', 'Sent'], 'KB/s');
    this.rows = h('ul.list', {}, h('li.muted', {}, 'None is open.'));
    this.append(h('div.cards', {},
      card('Network', this.network), card('Device', this.health),
      card('Signal', this.signalPlot), card('Traffic', this.traffic),
      card('Streams', this.rows, h('p', {}, h('a', { href: '#/streams' }, 'Open or watch streams')))));
    this.every(PERIOD, () => this.look());
    this.every(60000, () => this.identify());
  }

  async identify() {
    const { device, signal } = this;
    const [product, system = ''] = (await device.command('version', undefined, { signal })).split(', ');
    this.health.set('Product', product);
    this.health.set('Firmware', system);
    this.health.set('MAC', await device.get('wlan.mac', { signal }));
  }

  async look() {
    const { device, signal } = this;
    const wlan = await device.getGroup('wlan', { signal });
    const softap = await device.getGroup('softap', { signal }).catch(() => new Map());
    const up = wlan.get('wlan.network.status') > 0;
    const rssi = Number(wlan.get('wlan.network.rssi'));
    this.network.set('Status', { 0: 'Not joined', 1: 'Joined, no address yet', 2: 'Joined' }[wlan.get('wlan.network.status')] ?? 'Not joined');
    this.network.set('Network', up ? wlan.get('wlan.ssid') : 'None');
    this.network.set('Address', up ? wlan.get('wlan.network.ip') : 'None');
    this.network.set('Gateway', up ? wlan.get('wlan.network.gateway') : 'None');
    this.network.set('Signal', up ? `${rssi} dBm` : 'None');
    this.network.set('Soft AP', /status: up/.test(softap.get('softap.info') ?? '') ? 'On' : 'Off');
    this.signalPlot.push(up ? rssi : NaN);
    this.health.set('Up for', duration(Number(await device.get('time.uptime', { signal }))));
    this.health.set('Memory in use', `${await device.get('system.memory.usage', { signal })} %`);
    await this.count();
    const streams = await device.streams({ signal });
    this.rows.replaceChildren(...streams.map(({ handle, type, info }) => h('li.row', {},
      h('strong', {}, `${handle}`), h('span', {}, type), h('span.muted.grow', {}, info))));
    if (!streams.length) this.rows.append(h('li.muted', {}, 'None is open.'));
  }

  /** Draw the traffic since the last look; a device that does not count shows none. */
  async count() {
    const text = await this.device.get('network.traffic', { signal: this.signal, retries: 0 }).catch(() => '');
    const now = performance.now();
    const counts = text.match(/\d+/g)?.map(Number);
    if (counts && this.#last) {
      const seconds = (now - this.#last.now) / 1000;
      this.traffic.push(...counts.map((count, n) =>
        Number((Math.max(0, count - this.#last.counts[n]) / seconds / 1024).toFixed(1))));
    }
    this.#last = counts ? { now, counts } : null;
  }
}
customElements.define('page-overview', Overview);
