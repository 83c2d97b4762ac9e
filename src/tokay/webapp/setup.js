// Web setup in three steps: which network, its password, a name. Then the device saves and restarts.

import { CommandError } from './tokay.js';
import { isOpen, scan, store, verify } from './networks.js';
import { Page, ask, bars, button, field, h, icon, tell } from './ui.js';

const STEPS = ['Network', 'Password', 'Name'];
const ALIVE = 45000; // ms between signs of life: web setup ends when nobody is there
const LOOKS = 30;

class Setup extends Page {
  draw() {
    this.steps = h('ol.steps', {}, STEPS.map((title, n) => h('li', {}, `${n + 1}. ${title}`)));
    this.body = h('div', {});
    this.append(h('h1', {}, 'Set up this device'), this.steps, this.body);
    this.choose();
    this.every(ALIVE, () => this.device.command('version', undefined, { signal: this.signal }));
  }

  step(number, ...content) {
    [...this.steps.children].forEach((item, n) => {
      if (n === number) item.setAttribute('aria-current', 'step');
      else item.removeAttribute('aria-current');
    });
    this.body.replaceChildren(...content);
    const heading = this.body.querySelector('h2');
    heading.tabIndex = -1;
    heading.focus();
  }

  // 1. Network.

  async choose() {
    const list = h('ul.list', {}, h('li.muted', {}, 'Looking for networks'));
    this.step(0, h('h2', {}, 'Which network should it join?'), list, h('div.row.end', {},
      button('Other network', () => this.other()), button('Look again', () => this.choose())));
    try {
      const networks = await scan(this.device, this.signal);
      list.replaceChildren(...networks.map((network) => h('li', {}, h('button.pick', {
        type: 'button', onclick: () => this.password(network),
      }, bars(network.rssi), h('span.name', {}, network.ssid), !isOpen(network) && icon('lock')))));
      if (!networks.length) list.replaceChildren(h('li.muted', {}, 'No network answered.'));
    } catch (error) {
      if (this.signal.aborted) return;
      list.replaceChildren(h('li.muted', {}, 'The device could not look.'));
      tell(error.message, 'bad');
    }
  }

  async other() {
    const name = h('input', { name: 'ssid', maxlength: 32, required: true, autocomplete: 'off' });
    const answer = await ask('Other network', { body: [field('Name', name, 'As the network spells it: a hidden one is not listed.')], yes: 'Next' });
    if (answer?.ssid) this.password({ ssid: answer.ssid, security: '', hidden: true });
  }

  // 2. Password.

  password(network) {
    if (isOpen(network)) {
      this.name(network, '');
      return;
    }
    const input = h('input', { type: 'password', minlength: 8, maxlength: 64, autocomplete: 'off', required: !network.hidden });
    const next = h('button.primary', { type: 'submit' }, 'Check and go on');
    this.step(1, h('h2', {}, `Password of ${network.ssid}`), h('form', {
      onsubmit: async (event) => {
        event.preventDefault();
        next.disabled = true;
        next.textContent = 'Checking';
        try {
          if (await this.works(network, input.value)) this.name(network, input.value);
        } catch (error) {
          tell(error.message, 'bad');
        } finally {
          next.disabled = false;
          next.textContent = 'Check and go on';
        }
      },
    }, field('Password', input, network.hidden ? 'Leave it empty if there is none.' : ''),
    h('label.row', {}, h('input', { type: 'checkbox', onchange: ({ target }) => { input.type = target.checked ? 'text' : 'password'; } }), 'Show it'),
    h('div.row.end', {}, button('Back', () => this.choose()), next)));
    input.focus();
  }

  /** Try it while this setup network stays up. */
  async works(network, passkey) {
    if (network.hidden) return true; // there is nothing to ask by: no channel, no address
    const answer = await verify(this.device, network, passkey, { signal: this.signal });
    return answer !== false || Boolean(await ask('The network refused', {
      body: [h('p', {}, 'The password may be wrong, or the network too far away.')], yes: 'Use it anyway', kind: 'danger',
    }));
  }

  // 3. Name.

  async name(network, passkey) {
    const now = await this.device.name({ signal: this.signal }).catch(() => null);
    const input = h('input', { value: now || 'my-device', pattern: '[A-Za-z0-9]([A-Za-z0-9_\\-]{0,30}[A-Za-z0-9])?', maxlength: 32, required: true, autocomplete: 'off', autocapitalize: 'off' });
    const finish = h('button.primary', { type: 'submit' }, 'Finish');
    this.step(2, h('h2', {}, 'What is it called?'), h('form', {
      onsubmit: async (event) => {
        event.preventDefault();
        finish.disabled = true;
        try {
          await this.finish(network, passkey, now === null ? '' : input.value);
        } catch (error) {
          tell(error.message, 'bad');
          finish.disabled = false;
        }
      },
    }, now === null ? h('p', {}, 'This device has no name on the network.')
      : field('Name', input, 'Letters, digits, hyphens and underscores. It is then found at this name with .local behind it.'),
    h('div.row.end', {}, button('Back', () => this.choose()), finish)));
  }

  async finish(network, passkey, name) {
    const { device, signal } = this;
    await store(device, network.ssid, passkey, network.security, signal);
    await device.set('wlan.auto_join.enabled', 1, { signal });
    await device.set('http.server.enabled', 1, { signal });
    const wanted = name ? { 'mdns.enabled': 1, 'mdns.name': name, 'mdns.service': 'http' } : {};
    for (const [variable, value] of Object.entries(wanted)) {
      await device.set(variable, value, { signal }).catch((error) => {
        if (!(error instanceof CommandError)) throw error;
      });
    }
    await device.save({ signal });
    await device.command('reboot', undefined, { timeout: 5000 }).catch((error) => {
      if (error instanceof CommandError) throw error;
    });
    this.find(network, name);
  }

  async find(network, name) {
    const url = `http://${name}.local/`;
    const state = h('p', { role: 'status' }, 'The device restarts.');
    this.steps.hidden = true;
    this.step(3, h('h2', {}, 'Saved'), state,
      h('p', {}, `Join ${network.ssid} with this phone or computer, then open `, name ? h('a', { href: url }, url) : 'the address that your router gave it', '.'));
    for (let left = name ? LOOKS : 0; left; left--) {
      await new Promise((done) => setTimeout(done, 2000));
      state.textContent = `Looking for ${name}.local`;
      try {
        // Whether anything answers is all that a page of another origin needs to know.
        await fetch(`${url}command/ver`, { mode: 'no-cors', signal: AbortSignal.timeout(2000) });
        location.assign(url);
        return;
      } catch { /* not yet, or this machine is still on the setup network */ }
    }
    state.textContent = 'This page cannot reach the device any more, as is usual once it has left its setup network.';
  }
}
customElements.define('page-setup', Setup);
