// The device itself: what it is, and what cannot be taken back.

import { CommandError } from './tokay.js';
import { Page, ask, button, card, h, tell } from './ui.js';

const BACK = 60; // looks for the device after a reboot, a second apart
const BACK_FROM_UPDATE = 100;

class System extends Page {
  draw() {
    this.facts = document.createElement('tokay-facts');
    this.progress = h('p.note', { role: 'status', hidden: true });
    this.append(this.progress, h('div.cards', {},
      card('This device', this.facts),
      card('Update', h('p', {}, 'Fetches what is newer from the update server that the variables ota.host and ota.port name, checks it whole, and restarts.'),
        button('Update', () => this.update(), { kind: 'primary' })),
      card('Restart', h('p', {}, 'What is not saved is lost.'), button('Reboot', () => this.reboot())),
      card('Factory reset', h('p', {}, 'Forgets the settings, the network and its password included, and brings back the pages that came with the device.'),
        button('Factory reset', () => this.forget(), { kind: 'danger' }))));
    this.look().catch((error) => tell(error.message, 'bad'));
  }

  async look() {
    const { device, signal } = this;
    this.facts.set('Version', await device.command('version', undefined, { signal, retries: 2 }));
    for (const [label, name] of Object.entries({ MAC: 'wlan.mac', UUID: 'system.uuid', Time: 'time.rtc utc', Zone: 'time.zone', Name: 'mdns.name' })) {
      const value = await device.get(name, { signal }).catch(() => null);
      if (value !== null) this.facts.set(label, value);
    }
  }

  async reboot() {
    if (!await ask('Restart the device?', { body: [h('p', {}, 'What is not saved is lost.')], yes: 'Reboot' })) return;
    await this.leave('reboot');
    await this.wait(BACK);
  }

  async update() {
    if (!await ask('Update the device?', { yes: 'Update' })) return;
    await this.leave('ota', 120000);
    await this.wait(BACK_FROM_UPDATE);
  }

  async forget() {
    const mac = await this.device.get('wlan.mac', { signal: this.signal });
    if (!await ask('Factory reset', {
      body: [h('p', {}, 'Every setting is lost. The device leaves this network, and this page may not find it again.')],
      yes: 'Reset', kind: 'danger', typed: mac,
    })) return;
    await this.leave(`factory_reset ${mac}`);
    await this.wait(BACK);
  }

  /** Run what may end the connection: an answer that is lost is not a failure. */
  async leave(line, timeout = 10000) {
    await this.device.command(line, undefined, { timeout }).catch((error) => {
      if (error instanceof CommandError) throw error;
    });
  }

  async wait(tries) {
    this.progress.hidden = false;
    for (let left = tries; left && !this.signal.aborted; left--) {
      this.progress.textContent = `Waiting for the device, ${left} s`;
      await new Promise((done) => setTimeout(done, 1000));
      try {
        await this.device.command('version', undefined, { timeout: 4000 });
        location.reload();
        return;
      } catch { /* not yet */ }
    }
    this.progress.textContent = 'The device does not answer. It may be on another network now.';
    this.progress.classList.add('bad');
  }
}
customElements.define('page-system', System);
