// Networks in range, and joining one: shared by the Network page and the setup wizard.

import { CommandError, quote, toBytes } from './tokay.js';

const SCAN_LIMIT = 30000;
const VERIFY_TRIES = 3;
/** What `network_verify` calls the securities that a scan prints. */
const SECURITIES = { open: 0, wep: 1, 'wpa-aes': 2, 'wpa-tkip': 3, 'wpa2-aes': 4, 'wpa2-mixed': 5, 'wpa2-tkip': 6 };

/** The networks in range, the strongest first, each name once. */
export async function scan(device, signal) {
  const text = await device.command('scan -v', undefined, { signal, timeout: SCAN_LIMIT });
  const found = new Map();
  for (const row of text.split('\r\n')) {
    // The name is taken by its length: it may hold anything, blanks at its ends included.
    const match = row.match(/^#\s+\d+\s+(\d+)\s+(-?\d+)\s+([0-9A-F:]{17})\s+\S+\s+(\S+)\s+\S+\s+(\d+) (.*)$/i);
    if (!match || match[5] === '0') continue;
    const [, channel, rssi, bssid, security, , ssid] = match;
    const network = { ssid, channel: Number(channel), rssi: Number(rssi), bssid, security };
    if (!(found.get(ssid)?.rssi >= network.rssi)) found.set(ssid, network);
  }
  return [...found.values()].sort((a, b) => b.rssi - a.rssi);
}

export function isOpen(network) {
  return /^open$/i.test(network.security);
}

/** The key that a passphrase gives with a name: PBKDF2 with SHA-1, 4096 rounds (IEEE 802.11). */
export async function keyOf(passphrase, ssid) {
  if (/^[0-9A-Fa-f]{64}$/.test(passphrase)) return passphrase;
  const subtle = globalThis.crypto?.subtle; // pages that came over plain HTTP have none
  const bits = subtle ? await pbkdf2(subtle, passphrase, ssid) : slowPbkdf2(toBytes(passphrase), toBytes(ssid));
  return Array.from(new Uint8Array(bits), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

async function pbkdf2(subtle, passphrase, ssid) {
  const key = await subtle.importKey('raw', toBytes(passphrase), 'PBKDF2', false, ['deriveBits']);
  return subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-1', salt: toBytes(ssid), iterations: 4096 }, key, 256);
}

/** Whether the device could join, while what is up stays up; false when the network refused. */
export async function verify(device, network, passphrase, { signal, again = () => {} } = {}) {
  const bssid = network.bssid.replaceAll(':', '');
  const security = SECURITIES[network.security.toLowerCase()];
  const key = isOpen(network) ? '' : ` ${security ?? SECURITIES['wpa2-mixed']} ${await keyOf(passphrase, network.ssid)}`;
  for (let attempt = 1; ; attempt++) {
    try {
      await device.command(`nve wifi ${quote(network.ssid)} ${bssid} ${network.channel}${key}`, undefined, { signal, timeout: SCAN_LIMIT });
      return true;
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      if (error.code !== 1) return null; // this device cannot tell
      if (attempt === VERIFY_TRIES) return false;
      again(attempt);
    }
  }
}

/** Store a network and its key; nothing is saved yet. */
export async function store(device, ssid, passphrase, security, signal) {
  const kind = /^wep$/i.test(security ?? '') ? 'WEP' : 'Auto';
  await device.set('wlan.security', kind, { signal }).catch((error) => {
    if (!(error instanceof CommandError)) throw error; // a product without the choice finds out by itself
  });
  await device.set('wlan.ssid', ssid, { signal });
  await device.set('wlan.passkey', passphrase, { signal });
}

// SHA-1 for pages without the browser's own (a soft AP has no HTTPS).

function slowPbkdf2(password, salt) {
  const block = new Uint8Array(64).fill(0);
  block.set(password.length > 64 ? toBig(sha1(START, [password])) : password);
  const inner = compress(START, block.map((byte) => byte ^ 0x36));
  const outer = compress(START, block.map((byte) => byte ^ 0x5c));
  const hmac = (data) => toBig(sha1(outer, [toBig(sha1(inner, [data], 64))], 64));
  const out = new Uint8Array(40);
  for (let part = 1; part <= 2; part++) {
    let last = hmac(Uint8Array.from([...salt, 0, 0, 0, part]));
    const sum = last.slice();
    for (let round = 1; round < 4096; round++) {
      last = hmac(last);
      for (let n = 0; n < 20; n++) sum[n] ^= last[n];
    }
    out.set(sum, (part - 1) * 20);
  }
  return out.slice(0, 32);
}

const START = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];

function sha1(state, [data], before = 0) {
  const padded = new Uint8Array(((data.length + 8) >> 6) * 64 + 64);
  padded.set(data);
  padded[data.length] = 0x80;
  new DataView(padded.buffer).setUint32(padded.length - 4, (data.length + before) * 8);
  for (let at = 0; at < padded.length; at += 64) state = compress(state, padded.subarray(at, at + 64));
  return state;
}

function compress(state, block) {
  const view = new DataView(block.buffer, block.byteOffset, 64);
  const w = new Int32Array(80);
  for (let n = 0; n < 80; n++) {
    const x = n < 16 ? view.getInt32(n * 4) : w[n - 3] ^ w[n - 8] ^ w[n - 14] ^ w[n - 16];
    w[n] = n < 16 ? x : (x << 1) | (x >>> 31);
  }
  let [a, b, c, d, e] = state;
  for (let n = 0; n < 80; n++) {
    const [f, k] = n < 20 ? [(b & c) | (~b & d), 0x5a827999] : n < 40 ? [b ^ c ^ d, 0x6ed9eba1]
      : n < 60 ? [(b & c) | (b & d) | (c & d), 0x8f1bbcdc] : [b ^ c ^ d, 0xca62c1d6];
    [a, b, c, d, e] = [(((a << 5) | (a >>> 27)) + f + e + k + w[n]) | 0, a, (b << 30) | (b >>> 2), c, d];
  }
  return [a, b, c, d, e].map((value, n) => (value + state[n]) | 0);
}

function toBig(words) {
  const view = new DataView(new ArrayBuffer(20));
  words.forEach((word, n) => view.setInt32(n * 4, word));
  return new Uint8Array(view.buffer);
}
