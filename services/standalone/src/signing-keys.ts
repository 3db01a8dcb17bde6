import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SigningKeyView } from '@haldane/client';
import { HaldaneError } from '@haldane/core';
import { keyIdOf } from '@haldane/reports';
import { textIfThere } from './text-if-there.ts';

/** What signs bundles, and the public halves of all that ever did, the present one first. */
export type SigningKeys = { readonly key: KeyObject; readonly known: readonly SigningKeyView[] };

const folderIn = (dataDir: string) => join(dataDir, 'signing');
const keyIn = (dataDir: string) => join(folderIn(dataDir), 'key.pem');

/**
 * The Ed25519 key that signs bundles of this data folder: made at the first start, and again when its file was taken away, for nobody but
 * this user. The public half of each stays beside it. Throws `bad-document` for a file that holds no such key.
 */
export async function signingKeys(dataDir: string): Promise<SigningKeys> {
  await mkdir(folderIn(dataDir), { recursive: true, mode: 0o700 });
  const text = await textIfThere(keyIn(dataDir));
  const key = text === null ? generateKeyPairSync('ed25519').privateKey : privateKeyOf(text, keyIn(dataDir));
  const id = keyIdOf(key);
  // Its public half first: a key whose bundles nobody could check must not come into use.
  await put(join(folderIn(dataDir), `${id}.pub`), createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString());
  if (text === null) await put(keyIn(dataDir), key.export({ type: 'pkcs8', format: 'pem' }).toString());
  await chmod(keyIn(dataDir), 0o600);
  const all = await knownKeys(dataDir);
  return {
    key,
    known: [...all.filter((one) => one.id === id), ...all.filter((one) => one.id !== id)].map((one) => ({ ...one, signs: one.id === id })),
  };
}

/** The public halves that lie in a data folder, the newest first; none when nothing was ever started there. */
export async function knownKeys(dataDir: string): Promise<readonly SigningKeyView[]> {
  const folder = folderIn(dataDir);
  const names = await readdir(folder).catch((): string[] => []);
  const keys = names
    .filter((name) => name.endsWith('.pub'))
    .map(async (name) => {
      const path = join(folder, name);
      const publicKey = await readFile(path, 'utf8');
      return { id: keyIdOf(createPublicKey(publicKey)), publicKey, since: Math.floor((await stat(path)).mtimeMs), signs: false };
    });
  return (await Promise.all(keys)).sort((a, b) => b.since - a.since);
}

function privateKeyOf(text: string, path: string): KeyObject {
  let key: KeyObject | null = null;
  try {
    key = createPrivateKey(text);
  } catch {
    // Said below, and without the parser's own words: they may hold what they could not read.
  }
  if (key?.asymmetricKeyType !== 'ed25519')
    throw new HaldaneError(
      'bad-document',
      `${path} holds no Ed25519 private key (PEM); take it away, and a new one is made at the next start`,
    );
  return key;
}

/** Whole or not at all, and never over what is there. */
async function put(path: string, text: string): Promise<void> {
  if ((await textIfThere(path)) !== null) return;
  const next = `${path}.${process.pid}`;
  await writeFile(next, text, { mode: 0o600 });
  await rename(next, path);
}
