// The frame of the app: which page is shown, and whether the device answers.

import { keep } from './book.js';
import { Device, HttpError } from './tokay.js';
import { h, icon, tell } from './ui.js';

const PAGES = {
  overview: 'Overview', console: 'Console', network: 'Network', variables: 'Variables',
  streams: 'Streams', files: 'Files', pins: 'Pins', log: 'Log', system: 'System',
};
const LOOK = 5000; // ms between two looks at whether the device is there

const device = new Device();
const main = document.querySelector('#content');
const dot = h('span.dot', {});
const state = h('span', {}, 'Connecting');
const name = h('strong', {}, 'Device');

document.querySelector('#top').append(
  h('img', { src: '/webapp/icon.svg', alt: '' }), name, h('span.state', {}, dot, state));

function answers(there, text) {
  dot.className = `dot ${there ? 'on' : 'off'}`;
  if (state.textContent !== text) state.textContent = text;
}

/** Look whether the device is there, for as long as the app is open. */
async function look() {
  for (let lost = false; ; await new Promise((done) => setTimeout(done, LOOK))) {
    if (document.hidden) continue;
    try {
      await device.command('version', undefined, { timeout: LOOK });
      answers(true, 'Connected');
      if (lost) tell('The device answers again.');
      lost = false;
    } catch (error) {
      answers(false, error instanceof HttpError && error.status === 401 ? 'Not logged in' : 'No answer');
      lost = true;
    }
  }
}

/** The page that the address names: `#/console`. */
function wanted() {
  return location.hash.match(/^#\/(\w+)$/)?.[1] ?? (location.hash ? '' : 'overview');
}

async function show() {
  if (location.hash && !location.hash.startsWith('#/')) return; // a place on the page that is shown
  const page = wanted();
  const title = PAGES[page];
  if (!title) {
    location.hash = '/overview';
    return;
  }
  for (const link of document.querySelectorAll('#pages a')) {
    if (link.hash === `#/${page}`) {
      link.setAttribute('aria-current', 'page');
      link.scrollIntoView({ block: 'nearest', inline: 'center' });
    } else link.removeAttribute('aria-current');
  }
  document.title = `${title}, ${name.textContent}`;
  try {
    await import(`./${page}.js`);
  } catch {
    main.replaceChildren(h('div.note.bad', {}, 'This page could not be loaded. ',
      h('a', { href: '/.recovery.html' }, 'Repair the pages')));
    return;
  }
  if (wanted() !== page) return; // another was asked for meanwhile
  const element = document.createElement(`page-${page}`);
  element.device = device;
  main.replaceChildren(h('h1', {}, title), element);
  if (document.activeElement !== document.body) main.focus();
}

async function wizard() {
  document.body.classList.add('wizard');
  await import('./setup.js');
  const element = document.createElement('page-setup');
  element.device = device;
  main.replaceChildren(element);
}

async function setupRuns() {
  for (const command of ['setup_web status', 'setup status']) {
    const text = await device.command(command, undefined, { retries: 2 }).catch((error) => {
      if (error instanceof HttpError) throw error;
      return '';
    });
    if (text) return text !== '0';
  }
  return false;
}

async function begin() {
  try {
    const setup = await setupRuns();
    answers(true, 'Connected');
    if (setup || location.hash === '#/setup') return await wizard();
  } catch (error) {
    answers(false, 'No answer');
    main.replaceChildren(h('div.note.bad', {}, error.message), h('p', {},
      h('button', { onclick: () => location.reload() }, 'Try again')));
    return;
  }
  document.querySelector('#pages').append(...Object.entries(PAGES).map(([page, title]) =>
    h('a', { href: `#/${page}` }, icon(page), h('span', {}, title))));
  device.name({ retries: 0 }).then((text) => {
    name.textContent = text || 'Device';
  }, () => {});
  device.connect().catch(() => {}); // a device without /cmdstream is asked by REST
  window.addEventListener('hashchange', show);
  keep(device);
  await show();
  look();
}

begin();
