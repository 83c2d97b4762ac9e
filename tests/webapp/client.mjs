// The JavaScript client against a device: node client.mjs MODULE URL SILENT [USERNAME PASSWORD]
// SILENT is where somebody listens and never answers.
// Each check prints its name; the first that fails ends the run.

import assert from 'node:assert/strict';

const [module, url, silent, username, password] = process.argv.slice(2);
const { CommandError, Device, HttpError, crc16, crc32, quote, toText } = await import(module);
const options = { username, password, timeout: 10000 };
const device = new Device(url, options);

const checks = {
  async 'checksums'() {
    assert.equal(crc32('123456789'), 0xcbf43926);
    assert.equal(crc16('123456789'), 0x89f6);
  },

  async 'a command answers with text'() {
    assert.match(await device.command('version'), /^\S.*\S$/);
  },

  async 'a command that fails throws its code'() {
    await assert.rejects(device.command('nonsense'), (error) => error instanceof CommandError && error.code === 3 && /Unknown command/.test(error.message));
    await assert.rejects(device.command('read 7 10'), { code: 1, response: 'Command failed\r\n' });
  },

  async 'variables are set and read'() {
    for (const value of ['plain', 'two words', 'a "quote" and \\ more', 'caf\u00e9', '<img src=x>']) {
      await device.set('wlan.ssid', value);
      assert.equal((await device.getGroup('wlan')).has('wlan.ssid'), true);
    }
    assert.equal((await device.getGroup('network')).get('network.default_interface'), 'wlan');
    await device.set('wlan.ssid', 'lab');
    assert.equal(await device.get('wlan.ssid'), 'lab');
  },

  async 'commands take turns, and answers do not mix'() {
    const answers = await Promise.all(['wlan.ssid', 'network.default_interface', 'bus.mode'].map((name) => device.get(name)));
    assert.deepEqual(answers, ['lab', 'wlan', 'command']);
  },

  async 'files go up and come down'() {
    const content = Uint8Array.from({ length: 9000 }, (_, n) => (n * 7) & 0xff);
    const seen = [];
    await device.writeFile('dir/a b#?%.bin', content, { progress: (bytes, of) => seen.push([bytes, of]) });
    assert.deepEqual(seen.at(-1), [9000, 9000]);
    assert.ok(seen.length > 3);
    assert.deepEqual(await device.readFile('dir/a b#?%.bin'), content);
    const [row] = (await device.files()).filter(({ name }) => name === 'dir/a b#?%.bin');
    assert.equal(row.size, 9000);
    await device.writeFile('dir/a b#?%.bin', 'short');
    assert.equal(toText(await device.readFile('dir/a b#?%.bin')), 'short');
    await device.deleteFile('dir/a b#?%.bin');
    await assert.rejects(device.readFile('dir/a b#?%.bin'), { status: 404 });
    await assert.rejects(device.writeFile('x', ''), RangeError);
  },

  async 'an upload that is stopped leaves nothing behind'() {
    const stop = new AbortController();
    await assert.rejects(device.writeFile('half.bin', new Uint8Array(20000), { signal: stop.signal, progress: () => stop.abort() }));
    assert.deepEqual(await device.streams(), []);
    assert.equal((await device.files()).some(({ name }) => name === 'half.bin'), false);
  },

  async 'an abort ends a command, and the next works'() {
    await assert.rejects(device.command('version', undefined, { signal: AbortSignal.abort() }), { name: 'AbortError' });
    assert.ok(await device.command('version'));
  },

  async 'a time limit ends a command'() {
    const never = new Device(silent, options);
    await assert.rejects(never.command('version', undefined, { timeout: 50 }), { name: 'TimeoutError' });
  },

  async 'the log is told once'() {
    await device.log();
    await device.command('fcr a.txt 1', 'x');
    await device.command('fde a.txt');
    assert.deepEqual((await device.log()).filter((line) => line.startsWith('File')), ['File created', 'File deleted']);
    assert.deepEqual(await device.log(), []);
  },

  async 'nobody answers where nobody is'() {
    const nobody = new Device('http://127.0.0.1:9', options);
    await assert.rejects(nobody.command('version'), TypeError);
  },

  async 'a wrong password is told as such'() {
    if (!username) return;
    await assert.rejects(new Device(url, { username, password: 'wrong' }).command('version'), (error) => error instanceof HttpError && error.status === 401);
  },

  async 'the command channel carries the same'() {
    await device.connect();
    assert.equal(device.connected, true);
    assert.match(await device.command('version'), /\S/);
    await assert.rejects(device.command('nonsense'), { code: 3 });
    const content = Uint8Array.from({ length: 6000 }, (_, n) => n & 0xff);
    await device.writeFile('by-channel.bin', content);
    assert.deepEqual(await device.readFile('by-channel.bin'), content);
    await device.deleteFile('by-channel.bin');
    const gone = new Promise((done) => device.addEventListener('disconnect', done, { once: true }));
    device.disconnect();
    await gone;
    assert.match(await device.command('version'), /\S/); // by REST again
  },

  async 'a stream carries bytes both ways'() {
    const stream = await device.stream();
    stream.send('to the device');
    stream.send(Uint8Array.of(0, 255));
    const row = await until(async () => (await device.streams()).find(({ type }) => type === 'WEBS'));
    let got = '';
    await until(async () => (got += String.fromCharCode(...await device.read(row.handle))).length >= 15);
    assert.equal(got, 'to the device\0\xff');
    await device.write(row.handle, 'from the device');
    for await (const bytes of stream) {
      assert.equal(toText(bytes), 'from the device');
      break;
    }
    const closed = new Promise((done) => stream.addEventListener('close', done));
    stream.close();
    await closed;
    await until(async () => (await device.streams()).length === 0);
  },

  async 'words are quoted'() {
    assert.equal(quote('a"b\\c\r\n'), '"a\\"b\\\\c\\x0D\\x0A"');
  },
};

async function until(work) {
  for (let left = 100; left; left--) {
    const found = await work();
    if (found) return found;
    await new Promise((done) => setTimeout(done, 20));
  }
  throw new Error('it never came');
}

for (const [name, check] of Object.entries(checks)) {
  await check();
  console.log(name);
}
process.exit(0);
