// The page of last resort: a few commands, and nothing that could be missing.
'use strict';

const told = document.getElementById('told');

async function command(line) {
  const answer = await fetch('/command', { method: 'POST', body: JSON.stringify({ flags: 0, command: line }) });
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  const { code, response } = await answer.json();
  if (code) throw new Error(`${line.split(' ', 2).join(' ')}: ${response}`);
  return response;
}

/** A quoted word, as the command line takes it: bytes that cannot be typed are escaped. */
function quote(word) {
  const bytes = new TextEncoder().encode(word);
  return `"${Array.from(bytes, (byte) => {
    const char = String.fromCharCode(byte);
    if (char === '"' || char === '\\') return `\\${char}`;
    return byte < 32 || byte > 126 ? `\\x${byte.toString(16).padStart(2, '0')}` : char;
  }).join('')}"`;
}

async function attempt(work) {
  try {
    told.textContent = 'Working';
    told.textContent = await work();
  } catch (error) {
    told.textContent = error.message;
  }
}

document.getElementById('restore').addEventListener('click', () => attempt(async () => {
  await command('webapp_restore');
  location.assign('/');
  return 'The pages are back.';
}));

document.getElementById('join').addEventListener('submit', (event) => {
  event.preventDefault();
  const { ssid, passkey } = Object.fromEntries(new FormData(event.target));
  attempt(async () => {
    await command(`set wlan.ssid ${quote(ssid)}`);
    await command(`set wlan.passkey ${quote(passkey)}`);
    await command('set wlan.auto_join.enabled 1');
    await command('save');
    await command('reboot').catch(() => '');
    return 'Saved. The device restarts and joins.';
  });
});

command('version').then((text) => {
  document.getElementById('version').textContent = text;
}, (error) => {
  document.getElementById('version').textContent = error.message;
});
