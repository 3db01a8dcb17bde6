import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { canonicalJson, HaldaneError } from '@haldane/core';

/** What is signed in Haldane: in-toto statements. */
const payloadType = 'application/vnd.in-toto+json';

type Envelope = {
  readonly payload: string;
  readonly payloadType: string;
  readonly signatures: readonly { readonly keyid: string; readonly sig: string }[];
};

/** What a key is known by: SHA-256 (hex) of its public half as DER (SubjectPublicKeyInfo). */
export function keyIdOf(key: KeyObject): string {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}

/** Signs a statement with an Ed25519 key: a DSSE envelope (version 1) as canonical JSON in one line, so that it has one form only. */
export function sealed(statement: string, key: KeyObject): string {
  const payload = Buffer.from(statement);
  return textOf({
    payload: payload.toString('base64'),
    payloadType,
    signatures: [{ keyid: keyIdOf(key), sig: sign(null, preAuthEncoding(payload), key).toString('base64') }],
  });
}

/**
 * The statement in an envelope that one of these keys signed, and which. Throws `bad-document` that says what is wrong: cut off, unsigned,
 * signed with another key, changed, or in a form that Haldane does not write; a byte that the signature does not cover is then found, too.
 */
export function opened(text: string, keys: readonly KeyObject[]): { readonly statement: string; readonly keyId: string } {
  const envelope = envelopeOf(text);
  const [signature, ...others] = envelope.signatures;
  if (signature === undefined) throw wrong('signatures: it is not signed');
  if (others.length > 0) throw wrong(`signatures: there are ${envelope.signatures.length}; Haldane signs once`);
  const payload = Buffer.from(envelope.payload, 'base64');
  const message = preAuthEncoding(payload);
  const key = keys.find((one) => one.asymmetricKeyType === 'ed25519' && verify(null, message, one, Buffer.from(signature.sig, 'base64')));
  if (key === undefined) {
    const known = keys.map(keyIdOf);
    throw wrong(
      known.includes(signature.keyid)
        ? 'sig: the signature is not of these bytes: the file was changed, or another signed it'
        : `keyid: it says that key ${signature.keyid} signed it, which is not among those given (${known.join(', ') || 'none'})`,
    );
  }
  const keyId = keyIdOf(key);
  const rebuilt = { payload: payload.toString('base64'), payloadType, signatures: [{ keyid: keyId, sig: signature.sig }] };
  if (text !== textOf(rebuilt) || Buffer.from(signature.sig, 'base64').toString('base64') !== signature.sig)
    throw wrong('the signature holds, but the file is not in the form that Haldane writes: something that is not signed was changed');
  return { statement: payload.toString(), keyId };
}

function envelopeOf(text: string): Envelope {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw wrong('it is no JSON: it was cut off, or is another file', cause);
  }
  const { payload, payloadType: type, signatures } = (value ?? {}) as Partial<Envelope>;
  if (typeof payload !== 'string' || !Array.isArray(signatures))
    throw wrong('it is no DSSE envelope: payload and signatures are not there');
  if (type !== payloadType) throw wrong(`payloadType: it is ${JSON.stringify(type)}, not "${payloadType}"`);
  for (const one of signatures as readonly unknown[]) {
    const { keyid, sig } = (one ?? {}) as Partial<Envelope['signatures'][number]>;
    if (typeof keyid !== 'string' || typeof sig !== 'string') throw wrong('signatures: each is a keyid and a sig');
  }
  return value as Envelope;
}

/** What is signed of a payload: DSSE's pre-authentication encoding. */
function preAuthEncoding(payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `), payload]);
}

function textOf(envelope: Envelope): string {
  return `${canonicalJson(envelope)}\n`;
}

function wrong(what: string, cause?: unknown): HaldaneError {
  return new HaldaneError('bad-document', `not a bundle as Haldane signed it: ${what}`, { cause });
}
