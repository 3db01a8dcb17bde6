import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Arm } from '@haldane/core';

/** Whose request it is: Haldane's own legitimate or hostile stream, or the probe of a fault's effect. */
export type SyntheticStream = 'legitimate' | 'hostile' | 'check';
/** What a signed header says: this run's request, for this arm, of this stream. */
export type SyntheticMark = { readonly runId: string; readonly arm: Arm; readonly stream: SyntheticStream };

const longest = 300;

/** The value of `x-haldane-synthetic` (and `x-haldane-check`): `v1.<runId>.<arm>.<stream>.<hex>`. `secret` is the run's own, hex. */
export function signSynthetic(secret: string, mark: SyntheticMark): string {
  return `v1.${mark.runId}.${mark.arm}.${mark.stream}.${macOf(secret, mark).toString('hex')}`;
}

/** What the header says if this secret signed it, else null. Compares in constant time. */
export function verifySynthetic(secret: string, header: string | readonly string[] | undefined): SyntheticMark | null {
  if (typeof header !== 'string' || header.length > longest) return null;
  const [version, runId, arm, stream, mac, ...more] = header.split('.');
  if (version !== 'v1' || !runId || !mac || more.length > 0) return null;
  if (arm !== 'control' && arm !== 'experiment') return null;
  if (stream !== 'legitimate' && stream !== 'hostile' && stream !== 'check') return null;
  const mark: SyntheticMark = { runId, arm, stream };
  const given = Buffer.from(mac, 'hex');
  const expected = macOf(secret, mark);
  return given.length === expected.length && timingSafeEqual(given, expected) ? mark : null;
}

/** The run that a header of the right form names, whoever signed it; null when it has another form. */
export function runNamedBy(header: string | readonly string[] | undefined): string | null {
  if (typeof header !== 'string' || header.length > longest) return null;
  return /^v1\.([A-Za-z0-9][A-Za-z0-9_-]*)\.(?:control|experiment)\.(?:legitimate|hostile|check)\.[0-9a-f]{64}$/.exec(header)?.[1] ?? null;
}

function macOf(secret: string, mark: SyntheticMark): Buffer {
  return createHmac('sha256', Buffer.from(secret, 'hex')).update(`haldane synthetic v1|${mark.runId}|${mark.arm}|${mark.stream}`).digest();
}
