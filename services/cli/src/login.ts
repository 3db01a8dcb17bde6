import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HaldaneError, messageOf } from '@haldane/core';
import * as oidc from 'openid-client';

export type Issuer = { readonly url: string; readonly clientId: string };

/** How long a person may take at the login page. */
const patienceMs = 300_000;

/**
 * Has a person log in at the issuer (authorization code with PKCE; the answer comes back to a port of this machine that nobody else listens
 * on) and returns the signed login. `show` is given the address of the page.
 */
export async function personLogin({ url, clientId }: Issuer, show: (address: string) => void): Promise<string> {
  const plain = new URL(url).protocol === 'http:';
  const config = await oidc
    .discovery(new URL(url), clientId, undefined, oidc.None(), plain ? { execute: [oidc.allowInsecureRequests] } : {})
    .catch((cause: unknown) => {
      throw new HaldaneError('unavailable', `the issuer ${url} does not say how to log in: ${messageOf(cause)}`, { cause });
    });
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const redirect = `http://127.0.0.1:${(server.address() as AddressInfo).port}/callback`;
    const [verifier, state, nonce] = [oidc.randomPKCECodeVerifier(), oidc.randomState(), oidc.randomNonce()];
    const page = oidc.buildAuthorizationUrl(config, {
      redirect_uri: redirect,
      scope: 'openid email',
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state,
      nonce,
    });
    const came = comeBack(server, redirect);
    show(page.href);
    const tokens = await oidc
      .authorizationCodeGrant(config, await came, {
        pkceCodeVerifier: verifier,
        expectedState: state,
        expectedNonce: nonce,
        idTokenExpected: true,
      })
      .catch((cause: unknown) => {
        throw new HaldaneError('denied', `the issuer did not log you in: ${messageOf(cause)}`, { cause });
      });
    return tokens.id_token as string;
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** The address that the browser comes back with. */
function comeBack(server: ReturnType<typeof createServer>, redirect: string): Promise<URL> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new HaldaneError('unavailable', 'nobody logged in within five minutes')), patienceMs);
    server.on('request', (request, response) => {
      const address = new URL(request.url ?? '', redirect);
      if (address.pathname !== '/callback') return void response.writeHead(404).end();
      clearTimeout(timer);
      response.writeHead(200, { 'content-type': 'text/plain', connection: 'close' }).end('You may close this page.\n');
      resolve(address);
    });
  });
}
