import type { Build } from './config.ts';
import type { KeyCache } from './key-cache.ts';
import type { Expected, Verify } from './verifier.ts';
import { flawedAlgVerifier } from './verify-flawed-alg.ts';
import { flawedJwksVerifier } from './verify-flawed-jwks.ts';
import { slowVerifier } from './verify-slowly.ts';
import { soundVerifier } from './verify-soundly.ts';

const verifiers: Readonly<Record<Build, (keys: KeyCache, expected: Expected) => Verify>> = {
  sound: soundVerifier,
  'flawed-jwks': flawedJwksVerifier,
  'flawed-alg': flawedAlgVerifier,
  slow: slowVerifier,
};

/** The token check of one build. */
export function verifierOf(build: Build, keys: KeyCache, expected: Expected): Verify {
  return verifiers[build](keys, expected);
}
