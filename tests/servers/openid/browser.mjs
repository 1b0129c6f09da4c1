// Somebody at a browser: node browser.mjs NAME URL
//
// Opens the page with an empty jar of cookies, follows redirects, and fills in every form as NAME would;
// the empty name says no. It ends at the first page without a form, which it prints, or fails at one that
// shows its form again.
// BROWSER_JAR names a file to keep the cookies in, so that the next call finds NAME signed in.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const [name, start] = process.argv.slice(2);
const kept = process.env.BROWSER_JAR;
const jar = new Map(kept && existsSync(kept) ? JSON.parse(readFileSync(kept, 'utf8')) : []);

function unescaped(text) {
  const names = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };
  return text.replace(/&(amp|lt|gt|quot|#39);/g, (_, entity) => names[entity]);
}

function attributes(tag) {
  return Object.fromEntries([...tag.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, key, value]) => [key, unescaped(value)]));
}

// A host's cookies, by path: a provider has some for one interaction only.
function cookies(url) {
  return [...jar.values()]
    .filter(({ host, path }) => host === url.host && url.pathname.startsWith(path))
    .map(({ pair }) => pair)
    .join('; ');
}

function keep(url, lines) {
  for (const line of lines) {
    const [pair, ...parts] = line.split('; ');
    const options = Object.fromEntries(parts.map((part) => part.split('=')).map(([key, value]) => [key.toLowerCase(), value]));
    const path = options.path ?? '/';
    const id = `${url.host} ${path} ${pair.split('=')[0]}`;
    const ended = options.expires && Date.parse(options.expires) <= Date.now();
    if (ended) jar.delete(id);
    else jar.set(id, { host: url.host, path, pair });
  }
}

async function visit(address, form) {
  const url = new URL(address);
  const answer = await fetch(url, {
    redirect: 'manual',
    method: form ? 'POST' : 'GET',
    body: form,
    headers: { accept: 'text/html', cookie: cookies(url) },
  });
  keep(url, answer.headers.getSetCookie());
  const location = answer.headers.get('location');
  if (location) return visit(new URL(location, url));
  return { url, status: answer.status, text: await answer.text() };
}

// What NAME makes of a page's form. At Keycloak a password is the name again.
const typed = ['login', 'username', 'password'];
function filled(text) {
  const inputs = [...text.matchAll(/<input\b[^>]*>/g)].map(([tag]) => attributes(tag));
  const values = inputs.filter(({ name: key }) => key && key !== 'cancel').map((input) => [input.name, input.value ?? '']);
  return new URLSearchParams(values.map(([key, value]) => [key, typed.includes(key) ? name : value]));
}

let page = await visit(start);
let refused = false;
for (let form; !refused && (form = page.text.match(/<form\b[^>]*>/)) && page.status < 400;) {
  const before = page.url.href;
  page = await visit(new URL(attributes(form[0]).action, page.url), filled(page.text));
  refused = page.url.href === before;
}
if (kept) writeFileSync(kept, JSON.stringify([...jar]));
console.log(`${page.status} ${page.url}\n${page.text}`);
process.exitCode = page.status >= 400 || refused ? 1 : 0;
