// Which network the device is on, which it could be on, and the network it makes itself.

import { CommandError } from './tokay.js';
import { isOpen, scan, store, verify } from './networks.js';
import { Page, ask, bars, button, card, field, h, icon, tell, toggle } from './ui.js';

const STATIC = { ip: 'Address', netmask: 'Netmask', gateway: 'Gateway', dns: 'DNS' };

class Network extends Page {
  draw() {
    this.facts = document.createElement('tokay-facts');
    this.found = h('ul.list', {}, h('li.muted', {}, 'Scan to see what is in range.'));
    this.leases = h('div', {});
    this.settings = h('div', {});
    this.append(
      h('div.cards', {}, card('Now', this.facts, h('div.row.end', {},
        button('Restart the network', () => this.restart()))), card('Settings', this.settings)),
      card('Networks in range', h('div.row', {}, button('Scan', () => this.scan(), { kind: 'primary' })), this.found),
      card('Soft AP clients', this.leases));
    this.every(3000, () => this.look());
    this.form().catch((error) => tell(error.message, 'bad'));
  }

  async look() {
    const { device, signal } = this;
    const wlan = await device.getGroup('wlan.network', { signal });
    for (const [name, label] of Object.entries({ ...STATIC, rssi: 'Signal in dBm' })) {
      if (wlan.has(`wlan.network.${name}`)) this.facts.set(label, wlan.get(`wlan.network.${name}`));
    }
    const clients = (await device.get('softap.client_list', { signal })).split('\r\n').filter((row) => row.startsWith('#'));
    this.leases.replaceChildren(clients.length
      ? h('pre', {}, clients.join('\n')) : h('p.muted', {}, 'Nobody is on the soft AP, or it is off.'));
  }

  async form() {
    const { device, signal } = this;
    const wlan = await device.getGroup('wlan', { signal });
    const set = (name) => (on) => device.set(name, on ? 1 : 0, { signal }).then(
      () => tell('Changed. Save to keep it.'), (error) => tell(error.message, 'bad'));
    const addresses = Object.entries(STATIC).filter(([name]) => wlan.has(`wlan.static.${name}`)).map(([name, label]) => {
      const input = h('input', {
        value: wlan.get(`wlan.static.${name}`), inputmode: 'decimal', autocomplete: 'off',
        onchange: () => device.set(`wlan.static.${name}`, input.value, { signal }).then(
          () => tell('Changed. Save to keep it.'), (error) => tell(`${label}: ${error.message}`, 'bad')),
      });
      return field(label, input);
    });
    const manual = h('div', { hidden: wlan.get('wlan.dhcp.enabled') === '1' }, addresses);
    this.settings.replaceChildren(
      toggle('Join this network after boot', wlan.get('wlan.auto_join.enabled') === '1', set('wlan.auto_join.enabled')),
      toggle('Address by DHCP', wlan.get('wlan.dhcp.enabled') === '1', (on) => {
        manual.hidden = on;
        set('wlan.dhcp.enabled')(on);
      }), manual,
      h('div.row.end', {}, button('Save', () => this.save(), { kind: 'primary' })));
  }

  async save() {
    await this.device.save({ signal: this.signal });
    tell('Saved.');
  }

  async restart() {
    const sure = await ask('Restart the network?', {
      body: [h('p', {}, 'The device leaves the network and joins it again. This page may lose it for a while, or find it under another address.')],
      yes: 'Restart',
    });
    if (!sure) return;
    // The answer may be lost with the connection.
    await this.device.command('network_restart', undefined, { timeout: 30000 }).catch((error) => {
      if (error instanceof CommandError) throw error;
    });
  }

  async scan() {
    this.found.replaceChildren(h('li.muted', {}, 'Scanning'));
    const networks = await scan(this.device, this.signal).catch((error) => {
      this.found.replaceChildren(h('li.muted', {}, 'The scan failed.'));
      throw error;
    });
    this.found.replaceChildren(...networks.map((network) => h('li', {}, h('button.pick', {
      type: 'button', onclick: () => this.join(network).catch((error) => tell(error.message, 'bad')),
    }, bars(network.rssi), h('span.name', {}, network.ssid), !isOpen(network) && icon('lock'),
    h('span.muted.phone-hidden', {}, `${network.security}, channel ${network.channel}`)))));
    if (!networks.length) this.found.replaceChildren(h('li.muted', {}, 'No network answered.'));
  }

  async join(network) {
    const { device, signal } = this;
    const answer = await ask(`Join ${network.ssid}`, {
      body: isOpen(network) ? [h('p', {}, 'This network has no password.')] : [
        field('Password', h('input', { type: 'password', name: 'passkey', minlength: 8, maxlength: 64, required: true, autocomplete: 'off' }),
          'It is tried before it is saved.')],
      yes: 'Join',
    });
    if (!answer) return;
    const passkey = answer.passkey ?? '';
    tell(`Trying ${network.ssid}`);
    const works = await verify(device, network, passkey, { signal });
    if (works === false && !await ask('The network refused', {
      body: [h('p', {}, 'The password may be wrong, or the network too far away. Nothing has been changed.')], yes: 'Save anyway', kind: 'danger',
    })) return;
    await store(device, network.ssid, passkey, network.security, signal);
    await device.save({ signal });
    tell(`Saved. The device joins ${network.ssid} when its network is restarted.`);
    await this.restart();
  }
}
customElements.define('page-network', Network);
