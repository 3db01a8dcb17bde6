import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK } from 'jose';
import { Provider } from 'oidc-provider';

/** A client that may ask for tokens in its own name. */
export type IdpClient = { readonly id: string; readonly secret: string };

export type IdentityProvider = {
  readonly url: string;
  readonly tokenUrl: string;
  readonly jwksUrl: string;
  close(): Promise<void>;
};

const tokenSeconds = 3600;

/**
 * A real OpenID provider on loopback: client_credentials, JWT access tokens for `audience`, signed with RS256.
 * The issuer is its own address, so the port is taken before the provider is made. Port 0 takes a free one.
 */
export async function startIdentityProvider(options: {
  readonly port: number;
  readonly audience: string;
  readonly clients: readonly IdpClient[];
}): Promise<IdentityProvider> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const signingKey = await exportJWK(privateKey);
  const provider = new Provider(url, {
    clients: options.clients.map(({ id, secret }) => ({
      client_id: id,
      client_secret: secret,
      grant_types: ['client_credentials'],
      response_types: [],
      redirect_uris: [],
      token_endpoint_auth_method: 'client_secret_basic',
    })),
    cookies: { keys: [randomBytes(32).toString('hex')] },
    jwks: { keys: [{ ...signingKey, alg: 'RS256', use: 'sig', kid: `pay-${randomBytes(4).toString('hex')}` }] },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => options.audience,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: 'payments',
          audience: options.audience,
          accessTokenFormat: 'jwt',
          accessTokenTTL: tokenSeconds,
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
    ttl: { ClientCredentials: tokenSeconds },
  });
  server.on('request', provider.callback());
  return {
    url,
    tokenUrl: `${url}/token`,
    jwksUrl: `${url}/jwks`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
