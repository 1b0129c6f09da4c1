// An OpenID provider on loopback: node provider.mjs MODULES DIRECTORY [PORT]
//
// MODULES is where `oidc-provider` is installed (tests/servers/openid.sh prints it).
// DIRECTORY has `settings.json`, which is read at every request, so that a test can change its mind:
//   accounts      {"alice": {"disabled": false, "amr": ["pwd"], "acr": "...", "claims": {"groups": [...], ...}}}
//   id_token_ttl  seconds
//   slow_ms       how long each answer waits
//   token_error   {"status": 503, "body": ...}: what /token answers, whatever it is asked
//   unavailable   ["/jwks", "/me"]: the paths that are answered by 503 temporarily_unavailable
//   only_in_userinfo          the claims that no ID token has
//   only_in_id_token          the claims that userinfo does not have
//   refresh_without_id_token  whether a refresh gives no new ID token
//   gone          whether connections are closed without an answer
// With `server.crt` and `server.key` beside it, it speaks TLS. It prints the issuer once it listens.
// Whoever knows an account's name signs in as it, at a real login form, and confirms what the client asks for.

import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createServer as http } from 'node:http';
import { createServer as https } from 'node:https';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

const [modules, directory, port = '0'] = process.argv.slice(2);
const installed = createRequire(join(modules, 'package.json'));
const { Provider } = await import(pathToFileURL(installed.resolve('oidc-provider')));

const file = (name) => readFileSync(join(directory, name), 'utf8');
const settings = () => JSON.parse(file('settings.json'));

const secure = existsSync(join(directory, 'server.crt'));
const server = secure ? https({ cert: file('server.crt'), key: file('server.key') }) : http();
await new Promise((listening) => server.listen(Number(port), '127.0.0.1', listening));
const issuer = `${secure ? 'https' : 'http'}://127.0.0.1:${server.address().port}`;

function account(name) {
  const found = settings().accounts[name];
  return found && !found.disabled ? found : undefined;
}

function keys() {
  const kinds = { RS256: ['rsa', { modulusLength: 2048 }], ES256: ['ec', { namedCurve: 'P-256' }] };
  return Object.entries(kinds).map(([alg, [kind, options]]) => {
    const jwk = generateKeyPairSync(kind, options).privateKey.export({ format: 'jwk' });
    const kid = createHash('sha256').update(JSON.stringify(jwk)).digest('base64url').slice(0, 16);
    return { ...jwk, kid, alg, use: 'sig' };
  });
}

const redirects = ['127.0.0.1', '[::1]', 'localhost'].flatMap((host) =>
  ['', '/', '/callback'].map((path) => `http://${host}${path}`));
const client = (id, alg) => ({
  client_id: id,
  application_type: 'native',
  token_endpoint_auth_method: 'none',
  grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
  response_types: ['code'],
  redirect_uris: redirects,
  id_token_signed_response_alg: alg,
  require_auth_time: true,
});

// A job, which has access tokens (RFC 9068) of its own.
const runner = {
  client_id: 'runner',
  client_secret: 'runner-secret',
  token_endpoint_auth_method: 'client_secret_post',
  grant_types: ['client_credentials'],
  response_types: [],
  redirect_uris: [],
};
// A client that must show a secret, and comes back at one port alone.
const secret = {
  ...client('jit-secret', 'RS256'),
  application_type: 'web',
  client_secret: 'secret of jit + % &',
  token_endpoint_auth_method: 'client_secret_basic',
  redirect_uris: Array.from({ length: 8 }, (_, n) => `http://127.0.0.1:${29870 + n}/callback`),
};

const provider = new Provider(issuer, {
  clients: [client('jit', 'RS256'), client('jit-es256', 'ES256'), client('other', 'RS256'), runner, secret],
  jwks: { keys: keys() },
  cookies: { keys: [randomBytes(32).toString('hex')] },
  acrValues: ['single-factor', 'multi-factor', 'phr'],
  claims: {
    openid: ['sub', 'groups', 'acr', 'amr'],
    acr: null,
    auth_time: null,
    profile: ['name', 'preferred_username'],
    email: ['email', 'email_verified'],
    groups: ['groups'],
  },
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_, resource) => ({
        scope: '', audience: resource, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } },
      }),
    },
    deviceFlow: { enabled: true },
    revocation: { enabled: true },
    rpInitiatedLogout: { enabled: true },
  },
  ttl: {
    IdToken: () => settings().id_token_ttl,
    AccessToken: 300,
    AuthorizationCode: 60,
    DeviceCode: 300,
    Grant: 86400,
    Interaction: 300,
    RefreshToken: 86400,
    Session: 86400,
  },
  // Whoever wants a refresh token gets one, also without the consent screen that `offline_access` is for.
  issueRefreshToken: (_, client) => client.grantTypeAllowed('refresh_token'),
  expiresWithSession: () => false,
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount(_, name) {
    const found = account(name);
    return found && {
      accountId: name,
      claims: (use) => {
        const all = { sub: name, preferred_username: name, ...found.claims };
        if (use === 'userinfo') (settings().only_in_id_token ?? []).forEach((claim) => delete all[claim]);
        if (use === 'id_token') (settings().only_in_userinfo ?? []).forEach((claim) => delete all[claim]);
        return all;
      },
    };
  },
  // What was asked for is granted by the form that only says so.
  async loadExistingGrant(ctx) {
    const { session, client, params } = ctx.oidc;
    const known = session.grantIdFor(client.clientId);
    const grant = (known && await provider.Grant.find(known))
      || new provider.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope(`${params.scope} offline_access`);
    await grant.save();
    return grant;
  },
});

const escaped = (text) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

const page = (uid, asked, problem) => `<!DOCTYPE html><title>${asked}</title>${escaped(problem)}
<form method="post" action="/interaction/${uid}">${asked === 'login' ? '<input name="login">' : ''}</form>`;

async function formOf(request) {
  let body = '';
  for await (const piece of request) body += piece;
  return new URLSearchParams(body);
}

// Shows the form for a name, or the one that a native client always needs confirmed, or ends the
// interaction with what came of it. No name at all is a refusal.
async function interact(request, response) {
  const { uid, prompt } = await provider.interactionDetails(request, response);
  const show = (problem) => {
    response.setHeader('content-type', 'text/html');
    response.end(page(uid, prompt.name, problem));
  };
  if (request.method !== 'POST') return show('');
  const name = (await formOf(request)).get('login');
  const finish = (result) => provider.interactionFinished(request, response, result);
  if (prompt.name === 'consent') return finish({ consent: {} });
  if (!name) return finish({ error: 'access_denied', error_description: 'the person said no' });
  const found = account(name);
  if (!found) return show('There is no such account.');
  return finish({ login: { accountId: name, amr: found.amr, acr: found.acr } });
}

provider.use(async (ctx, next) => {
  const { token_error, refresh_without_id_token } = settings();
  if (token_error && ctx.path === '/token') {
    ctx.status = token_error.status;
    ctx.body = token_error.body;
    return;
  }
  await next();
  const isRefresh = ctx.oidc?.route === 'token' && ctx.oidc.params?.grant_type === 'refresh_token';
  if (refresh_without_id_token && isRefresh) delete ctx.body.id_token;
});

const answer = provider.callback();
server.on('request', async (request, response) => {
  const { slow_ms, gone, unavailable } = settings();
  if (gone) return request.socket.destroy();
  if (slow_ms) await pause(slow_ms);
  if (unavailable?.includes(request.url.split('?')[0])) {
    response.writeHead(503, { 'content-type': 'application/json' });
    return response.end(JSON.stringify({ error: 'temporarily_unavailable' }));
  }
  if (!request.url.startsWith('/interaction/')) return answer(request, response);
  return interact(request, response).catch((error) => {
    response.statusCode = 400;
    response.end(String(error));
  });
});
provider.on('server_error', (_, error) => console.error(error));
console.log(`issuer ${issuer}`);
