import { createPrivateKey, type KeyObject } from 'node:crypto';
import { type Clock, HaldaneError, hasCode, type JsonObject, messageOf } from '@haldane/core';
import { SignJWT } from 'jose';
import { sendToGitHub } from './send-to-github.ts';

export type AppLoginOptions = {
  /** Where the REST API is, like https://api.github.com. */
  readonly api: string;
  /** The App's client id, or its number. */
  readonly app: string;
  readonly key: KeyObject;
  readonly clock: Clock;
};

/** What a token may do, as GitHub calls it; the App must have been given it. */
export type AppPermissions = { readonly [name: string]: 'read' | 'write' };

type Opened = { readonly token: string; readonly until: number };

/** GitHub refuses a login of more than ten minutes, and one from the future: clocks differ. */
const loginSeconds = 540;
const skewSeconds = 60;
/** A token is not used so shortly before its end. */
const spareMs = 300_000;

const installationSchema: JsonObject = { type: 'object', required: ['id'], properties: { id: { type: 'number' } } };
const tokenSchema: JsonObject = {
  type: 'object',
  required: ['token', 'expires_at'],
  properties: { token: { type: 'string', minLength: 1 }, expires_at: { type: 'string' } },
};

/**
 * How the App gets into a repository: by a login that its private key signs (RS256), exchanged for a token of its installation there. A token is for one
 * repository and the rights that are asked for, and is kept until shortly before its end.
 */
export class AppLogin {
  readonly #options: AppLoginOptions;
  readonly #open = new Map<string, Opened>();
  constructor(options: AppLoginOptions) {
    this.#options = options;
  }

  /** Throws `not-found` where the App is not installed, `denied` where it was not given these rights, and otherwise what `sendToGitHub` does. */
  async tokenOf(repository: string, permissions: AppPermissions, signal: AbortSignal): Promise<string> {
    const { clock } = this.#options;
    const kept = JSON.stringify([repository.toLowerCase(), permissions]);
    const known = this.#open.get(kept);
    if (known !== undefined && known.until - spareMs > clock.now()) return known.token;
    const { id } = await this.#ask<{ id: number }>('GET', `/repos/${repository}/installation`, installationSchema, signal);
    const body = { repositories: [repository.split('/')[1] ?? ''], permissions: { ...permissions } };
    const path = `/app/installations/${id}/access_tokens`;
    const { token, expires_at } = await this.#ask<{ token: string; expires_at: string }>('POST', path, tokenSchema, signal, body);
    const until = Date.parse(expires_at);
    this.#open.set(kept, { token, until: Number.isFinite(until) ? until : 0 });
    return token;
  }

  /** Does something with a token; one that GitHub does not take any more is forgotten, so that the next try gets another. */
  async within<T>(repository: string, permissions: AppPermissions, signal: AbortSignal, work: (token: string) => Promise<T>): Promise<T> {
    const token = await this.tokenOf(repository, permissions, signal);
    try {
      return await work(token);
    } catch (error) {
      if (hasCode(error, 'denied')) this.#open.delete(JSON.stringify([repository.toLowerCase(), permissions]));
      throw error;
    }
  }

  async #ask<T>(method: 'GET' | 'POST', path: string, schema: JsonObject, signal: AbortSignal, body?: JsonObject): Promise<T> {
    const { api, app, key, clock } = this.#options;
    const now = clock.now();
    const at = Math.floor(now / 1000);
    const bearer = await new SignJWT()
      .setProtectedHeader({ alg: 'RS256', typ: 'JWT' })
      .setIssuer(app)
      .setIssuedAt(at - skewSeconds)
      .setExpirationTime(at + loginSeconds)
      .sign(key);
    const url = new URL(api.replace(/\/+$/, '') + path);
    try {
      return await sendToGitHub<T>({ method, url, bearer, schema, now, ...(body === undefined ? {} : { body }) }, signal);
    } catch (error) {
      // Says what the App was not given, which its owner may give it any time; never that what the token was for is wrong.
      if (hasCode(error, 'bad-request')) throw new HaldaneError('denied', messageOf(error), { cause: error });
      throw error;
    }
  }
}

/** The key of a PEM text, also one whose line breaks were written as \n. Throws `bad-document` that says nothing of the text. */
export function appKey(pem: string, variable: string): KeyObject {
  let key: KeyObject | null = null;
  try {
    key = createPrivateKey(pem.replaceAll('\\n', '\n'));
  } catch {
    // Said below: the words of the error may hold some of the key.
  }
  if (key?.asymmetricKeyType === 'rsa') return key;
  throw new HaldaneError(
    'bad-document',
    `haldane.github.yaml: the variable ${variable} holds no private key of an App; set it to the whole of the file that GitHub gave you (-----BEGIN RSA PRIVATE KEY-----)`,
  );
}
