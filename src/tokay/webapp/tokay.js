/**
 * Drive a Gecko OS device from a browser or from Node 20: commands, variables, files, streams, log.
 *
 * Commands go out one at a time, by REST, or over `/cmdstream` while `connect()` holds it open. Bytes
 * are bytes: command, data and response travel in base64 by REST, so nothing depends on a charset.
 */

export const RESULTS = [
  'success', 'failed', 'parse error', 'unknown command', 'too few arguments', 'too many arguments',
  'unknown variable or option', 'invalid argument', 'buffer overflow', 'out of bounds',
];
/** Bytes that one request may write: what the smallest request limit of the devices leaves room for. */
export const CHUNK = 2560;

const ALL_BASE64 = 7;
const DATA_FILE = '0xFE';
const READ_SIZE = 1400;

/** A command that the device refused. `code` is its result, 1 to 9. */
export class CommandError extends Error {
  constructor(line, code, response) {
    super(response.trim() || RESULTS[code] || `result ${code}`);
    this.name = 'CommandError';
    this.line = line;
    this.code = code;
    this.response = response;
  }
}

/** A request that was answered by a status other than success: 401 asks for a user name. */
export class HttpError extends Error {
  constructor(status, where) {
    super(status === 401 ? 'The device asks for a user name and password.' : `HTTP ${status}: ${where}`);
    this.name = 'HttpError';
    this.status = status;
  }
}

// Bytes and text.

const UTF8 = new TextDecoder('utf-8', { fatal: true });
const LATIN1 = new TextDecoder('latin1');

/** Bytes of a string, or the bytes themselves. */
export function toBytes(data) {
  if (typeof data === 'string') return new TextEncoder().encode(data);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return new Uint8Array(data);
}

/** Text of bytes: UTF-8 if they are that, else one character a byte. */
export function toText(bytes) {
  try {
    return UTF8.decode(bytes);
  } catch {
    return LATIN1.decode(bytes);
  }
}

export function toBase64(bytes) {
  let text = '';
  for (let at = 0; at < bytes.length; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return btoa(text);
}

export function fromBase64(text) {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}

/** One word of a command line: quoted, with what cannot be typed escaped. */
export function quote(word) {
  let text = '';
  for (const byte of toBytes(String(word))) {
    const char = String.fromCharCode(byte);
    if (char === '"' || char === '\\') text += `\\${char}`;
    else if (byte < 0x20 || byte > 0x7e) text += `\\x${byte.toString(16).padStart(2, '0').toUpperCase()}`;
    else text += char;
  }
  return `"${text}"`;
}

// Checksums, as `file_create` takes them.

const CRC32 = Uint32Array.from({ length: 256 }, (_, n) => {
  let value = n;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

export function crc32(data) {
  let crc = ~0;
  for (const byte of toBytes(data)) crc = CRC32[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** CCITT with each input byte reversed: 0x89F6 for `123456789`. */
export function crc16(data) {
  let crc = 0xffff;
  for (let byte of toBytes(data)) {
    for (let bit = 0; bit < 8; bit++, byte >>= 1) {
      crc = ((crc << 1) ^ (((crc >> 15) ^ byte) & 1 ? 0x1021 : 0)) & 0xffff;
    }
  }
  return crc;
}

// MessagePack, as much as `/cmdstream` speaks.

function pack({ id, command, data }) {
  const parts = [[data === undefined ? 0x82 : 0x83]];
  const text = (value) => {
    const bytes = toBytes(value);
    parts.push(bytes.length < 32 ? [0xa0 | bytes.length] : head(0xd9, bytes.length), bytes);
  };
  const head = (code, length) => {
    if (length < 0x100) return [code, length];
    if (length < 0x10000) return [code + 1, length >> 8, length & 0xff];
    return [code + 2, length >>> 24, (length >> 16) & 0xff, (length >> 8) & 0xff, length & 0xff];
  };
  text('id');
  parts.push([0xce, id >>> 24, (id >> 16) & 0xff, (id >> 8) & 0xff, id & 0xff]);
  text('command');
  text(command);
  if (data !== undefined) {
    text('data');
    parts.push(head(0xc4, data.length), data);
  }
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function unpack(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const number = (size, signed) => {
    const read = { 1: 'Int8', 2: 'Int16', 4: 'Int32' }[size];
    const value = size === 8
      ? Number(signed ? view.getBigInt64(at) : view.getBigUint64(at))
      : view[`get${signed ? '' : 'U'}${signed ? read : read.toLowerCase()}`](at);
    at += size;
    return value;
  };
  const raw = (length) => {
    if (at + length > bytes.length) throw new RangeError('a message ends early');
    return bytes.subarray(at, (at += length));
  };
  const list = (length) => Array.from({ length }, value);
  const map = (length) => Object.fromEntries(Array.from({ length }, () => [value(), value()]));
  function value() {
    const code = number(1);
    if (code < 0x80) return code;
    if (code < 0x90) return map(code & 0x0f);
    if (code < 0xa0) return list(code & 0x0f);
    if (code < 0xc0) return toText(raw(code & 0x1f));
    if (code >= 0xe0) return code - 0x100;
    switch (code) {
      case 0xc0: return null;
      case 0xc2: return false;
      case 0xc3: return true;
      case 0xc4: case 0xc5: case 0xc6: return raw(number(1 << (code - 0xc4)));
      case 0xcc: case 0xcd: case 0xce: case 0xcf: return number(1 << (code - 0xcc));
      case 0xd0: case 0xd1: case 0xd2: case 0xd3: return number(1 << (code - 0xd0), true);
      case 0xd9: case 0xda: case 0xdb: return toText(raw(number(1 << (code - 0xd9))));
      case 0xdc: case 0xdd: return list(number(2 << (code - 0xdc)));
      case 0xde: case 0xdf: return map(number(2 << (code - 0xde)));
      default: throw new RangeError(`a message has the unknown type ${code}`);
    }
  }
  return value();
}

// The device.

const wait = (ms, signal) => new Promise((done, fail) => {
  if (signal?.aborted) return fail(signal.reason);
  const timer = setTimeout(() => {
    signal?.removeEventListener('abort', stop);
    done();
  }, ms);
  const stop = () => {
    clearTimeout(timer);
    fail(signal.reason);
  };
  signal?.addEventListener('abort', stop, { once: true });
});

export class Device extends EventTarget {
  #url; #authorization; #fetch; #WebSocket; #turn = Promise.resolve();
  #socket = null; #waiting = new Map(); #id = 0; #gecko4 = null;

  /**
   * @param {string} url where the device is, `http://192.168.1.20`; empty for the page's own.
   * @param {object} options `username` and `password`; `timeout` of a command in ms; `retries` of
   *   what may safely be asked again; `fetch` and `WebSocket` where the platform has others.
   */
  constructor(url = '', options = {}) {
    super();
    this.#url = url.replace(/\/+$/, '');
    this.timeout = options.timeout ?? 20000;
    this.retries = options.retries ?? 2;
    this.#fetch = options.fetch ?? globalThis.fetch.bind(globalThis);
    this.#WebSocket = options.WebSocket ?? globalThis.WebSocket;
    this.#authorization = options.username
      ? `Basic ${toBase64(toBytes(`${options.username}:${options.password ?? ''}`))}` : null;
  }

  get url() {
    return this.#url;
  }

  /** Ask for a path; throws HttpError for any status that is no success. */
  async request(path, { method = 'GET', body, timeout = this.timeout, signal, cache = 'no-store' } = {}) {
    const headers = this.#authorization ? { Authorization: this.#authorization } : {};
    const limit = AbortSignal.timeout(timeout);
    const answer = await this.#fetch(this.#url + path, {
      method, body, headers, cache, signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
    if (!answer.ok) throw new HttpError(answer.status, path);
    return answer;
  }

  /**
   * Run a command; resolves to its text without the last line end, or to bytes if `bytes` is set.
   * Throws CommandError, HttpError, or what fetch throws. Commands take turns.
   */
  command(line, data, options = {}) {
    const turn = this.#turn.then(() => this.#attempt(line, data, options));
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async #attempt(line, data, options) {
    const { retries = 0, signal, bytes = false } = options;
    for (let left = retries; ; left--) {
      try {
        signal?.throwIfAborted();
        const answer = await (this.connected ? this.#byStream(line, data, options) : this.#byRest(line, data, options));
        const text = toText(answer.response);
        if (answer.code) throw new CommandError(line, answer.code, text);
        // A line end is put behind what there is, bytes of a stream included.
        return bytes ? answer.response.subarray(0, -2) : text.replace(/\r\n$/, '');
      } catch (error) {
        const again = !(error instanceof CommandError) && error.status !== 401 && !signal?.aborted;
        if (!again || left <= 0) throw error;
        await wait(300, signal);
      }
    }
  }

  async #byRest(line, data, { timeout, signal }) {
    const body = { flags: ALL_BASE64, command: toBase64(toBytes(line)) };
    if (data !== undefined) body.data = toBase64(toBytes(data));
    const answer = await this.request('/command', { method: 'POST', body: JSON.stringify(body), timeout, signal });
    const { code, flags, response } = await answer.json();
    return { code, response: flags & 1 ? fromBase64(response) : toBytes(response) };
  }

  // The command channel.

  /** Whether commands go over `/cmdstream`. */
  get connected() {
    return this.#socket?.readyState === 1;
  }

  /** Open `/cmdstream`. Tells `connect` and `disconnect` as events; commands fall back to REST. */
  async connect({ signal } = {}) {
    if (this.connected) return;
    const socket = this.#open('/cmdstream');
    socket.addEventListener('message', ({ data }) => {
      let answer;
      try {
        answer = unpack(new Uint8Array(data));
      } catch {
        return;
      }
      this.#waiting.get(answer?.id)?.(answer);
    });
    socket.addEventListener('close', () => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      for (const answered of this.#waiting.values()) answered(null);
      this.dispatchEvent(new Event('disconnect'));
    });
    await opened(socket, signal);
    this.#socket = socket;
    this.dispatchEvent(new Event('connect'));
  }

  disconnect() {
    this.#socket?.close();
  }

  async #byStream(line, data, { timeout = this.timeout, signal }) {
    const id = this.#id = (this.#id + 1) >>> 0;
    const limit = AbortSignal.any([AbortSignal.timeout(timeout), ...(signal ? [signal] : [])]);
    let stop;
    try {
      const answer = await new Promise((done, fail) => {
        stop = () => fail(limit.reason);
        limit.addEventListener('abort', stop, { once: true });
        this.#waiting.set(id, done);
        this.#socket.send(pack({ id, command: line, data: data === undefined ? data : toBytes(data) }));
      });
      if (!answer) throw new TypeError('The connection to the device was lost.');
      const { code, response } = answer;
      return { code, response: typeof response === 'string' ? toBytes(response) : response ?? new Uint8Array() };
    } finally {
      limit.removeEventListener('abort', stop);
      this.#waiting.delete(id);
    }
  }

  #open(path) {
    const base = this.#url || globalThis.location.origin;
    // Browsers send the credentials that their user gave; elsewhere they are ours to send.
    const own = this.#authorization && typeof document === 'undefined';
    const socket = new this.#WebSocket(`${base.replace(/^http/, 'ws')}${path}`,
      ...(own ? [{ headers: { Authorization: this.#authorization } }] : []));
    socket.binaryType = 'arraybuffer';
    return socket;
  }

  // Variables.

  /** The value of a variable, or the listing of a group. */
  get(name, options = {}) {
    return this.command(`get ${name}`, undefined, { retries: this.retries, ...options });
  }

  /** All variables of a group, as a Map from name (with its index) to value. */
  async getGroup(name = 'all', options = {}) {
    const rows = (await this.get(name, options)).split('\r\n');
    return new Map(rows.map((row) => row.match(/^([^:]+): ?(.*)$/)).filter(Boolean).map((m) => [m[1], m[2]]));
  }

  /** Set a variable. An index belongs to the name: `gpio.alias 3`. */
  set(name, value, options = {}) {
    return this.command(`set ${name} ${quote(value)}`, undefined, { retries: this.retries, ...options });
  }

  /** The name on the network: `mdns.name` with its `#` filled in from the MAC, as the device does. */
  async name(options = {}) {
    const name = await this.get('mdns.name', options);
    const bare = name.replace(/\.+$/, '').replace(/\.local$/i, '');
    if (!bare.includes('#')) return bare;
    const digits = (await this.get('wlan.mac', options)).replaceAll(':', '').slice(-3).toUpperCase();
    return bare.replaceAll('#', digits);
  }

  save(options = {}) {
    return this.command('save', undefined, options);
  }

  // Files.

  /** The rows of `ls -v`: name, size, version, type, flags. */
  async files(options = {}) {
    const text = await this.command('ls -v', undefined, { retries: this.retries, ...options });
    return text.split('\r\n').filter((row) => row.startsWith('#')).map(fileOf);
  }

  /** The content of a file, as the server serves it. */
  async readFile(name, { progress, signal, timeout = 120000 } = {}) {
    const path = name.split('/').map(encodeURIComponent).join('/');
    const answer = await this.request(`/${path}`, { signal, timeout });
    const total = Number(answer.headers.get('content-length')) || 0;
    const pieces = [];
    let size = 0;
    for (const reader = answer.body.getReader(); ;) {
      const { done, value } = await reader.read();
      if (done) break;
      pieces.push(value);
      size += value.length;
      progress?.(size, Math.max(total, size));
    }
    return new Uint8Array(await new Blob(pieces).arrayBuffer());
  }

  /**
   * Write a file whole, or leave none behind. The device checks the CRC.
   * `replace` deletes what has the name before; `progress` hears (bytes, of).
   */
  async writeFile(name, data, { progress, signal, replace = true, unprotected = false, version = '1.0.0' } = {}) {
    const bytes = toBytes(data);
    if (!bytes.length) throw new RangeError('A file cannot be empty.');
    this.#gecko4 ??= /^\S+ name size/.test(await this.command('help file_create', undefined, { signal }));
    if (replace) await this.deleteFile(name, { signal }).catch(refused);
    const open = `-o${unprotected ? ' -u' : ''}`;
    const line = this.#gecko4
      ? `fcr ${quote(name)} ${bytes.length} ${open} -v ${version} -t ${DATA_FILE} -c 0x${hex(crc32(bytes))}`
      : `fcr ${open} ${quote(name)} ${bytes.length} ${version} ${DATA_FILE} ${hex(crc16(bytes))}`;
    const handle = Number(await this.command(line, undefined, { signal }));
    try {
      await this.write(handle, bytes, { progress, signal });
    } catch (error) {
      await this.closeStream(handle).catch(() => {});
      throw error;
    }
  }

  deleteFile(name, options = {}) {
    return this.command(`fde ${quote(name)}`, undefined, options);
  }

  // Streams by handle.

  /** The rows of `stream_list`: handle, type, info. */
  async streams(options = {}) {
    const text = await this.command('list', undefined, { retries: this.retries, ...options });
    return text.split('\r\n').map((row) => row.match(/^# (\d+) (\S+)\s+(.*)$/)).filter(Boolean)
      .map(([, handle, type, info]) => ({ handle: Number(handle), type, info }));
  }

  /** What waits in a stream, at most `size` bytes. */
  read(handle, size = READ_SIZE, options = {}) {
    return this.command(`read ${handle} ${size}`, undefined, { ...options, bytes: true });
  }

  /** Write to a stream, in pieces that every device takes. */
  async write(handle, data, { progress, ...options } = {}) {
    const bytes = toBytes(data);
    for (let at = 0; at < bytes.length; at += CHUNK) {
      const piece = bytes.subarray(at, at + CHUNK);
      await this.command(`write ${handle} ${piece.length}`, piece, options);
      progress?.(at + piece.length, bytes.length);
    }
  }

  closeStream(handle, options = {}) {
    return this.command(`close ${handle}`, undefined, options);
  }

  /** Open a WebSocket stream to the device: its host sees a WEBS stream. */
  async stream({ signal } = {}) {
    const socket = this.#open('/stream');
    const stream = new DeviceStream(socket);
    await opened(socket, signal);
    return stream;
  }

  // The log.

  /** The log's lines since they were last asked for. */
  async log({ signal } = {}) {
    const answer = await this.request('/log', { signal });
    return (await answer.json()).logs.map((line) => line.replace(/\r?\n$/, ''));
  }

  /** Lines of the log as they come, asked for every `period` ms, until `signal` aborts. */
  async *watchLog({ period = 1000, signal } = {}) {
    while (!signal?.aborted) {
      try {
        yield* await this.log({ signal });
      } catch (error) {
        if (signal?.aborted) return;
        if (error.status === 401) throw error;
      }
      await wait(period, signal).catch(() => {});
    }
  }
}

/** A stream to the device. Tells `data` (detail: bytes) and `close`; iterating gives the bytes. */
export class DeviceStream extends EventTarget {
  #socket; #queue = []; #wake = null;

  constructor(socket) {
    super();
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => {
      const bytes = toBytes(data);
      this.#queue.push(bytes);
      this.#wake?.();
      this.dispatchEvent(new CustomEvent('data', { detail: bytes }));
    });
    socket.addEventListener('close', () => {
      this.#wake?.();
      this.dispatchEvent(new Event('close'));
    });
  }

  get open() {
    return this.#socket.readyState === 1;
  }

  /** Send text or bytes. */
  send(data) {
    this.#socket.send(typeof data === 'string' ? data : toBytes(data));
  }

  close() {
    this.#socket.close();
  }

  async *[Symbol.asyncIterator]() {
    while (this.open || this.#queue.length) {
      if (this.#queue.length) yield this.#queue.shift();
      else await new Promise((wake) => { this.#wake = wake; });
    }
  }
}

function opened(socket, signal) {
  return new Promise((done, fail) => {
    const stop = () => {
      socket.close();
      fail(signal.reason);
    };
    signal?.addEventListener('abort', stop, { once: true });
    socket.addEventListener('open', () => {
      signal?.removeEventListener('abort', stop);
      done();
    });
    socket.addEventListener('error', () => fail(new TypeError('The device refused the WebSocket.')));
    socket.addEventListener('close', () => fail(new TypeError('The device closed the WebSocket.')));
  });
}

/** Columns of both generations: a Gecko OS 4 row has blanks where a ZentriOS row has `e-FE`. */
function fileOf(row) {
  const word = row.trim().split(/\s+/);
  const old = /^[a-z]-[0-9A-Fa-f]{2}$/.test(word[2]);
  const [type, flags, size, version, name] = old ? [2, 3, 5, 6, 7] : [4, 5, 8, 10, 11];
  return {
    name: word.slice(name).join(' '), size: Number(word[size]), version: word[version],
    type: parseInt(word[type].slice(-2), 16), flags: parseInt(word[flags], 16),
  };
}

function hex(number) {
  return number.toString(16).toUpperCase();
}

function refused(error) {
  if (!(error instanceof CommandError)) throw error;
}
