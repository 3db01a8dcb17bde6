import { createPublicKey, createVerify, type KeyObject } from 'node:crypto';
import { HaldaneError, messageOf } from '@haldane/core';

/** What of the outside this takes: the text behind an address. */
export type FetchText = (url: URL) => Promise<string>;

/** A message that AWS signed: what a topic was told, or, of a subscription that was confirmed, nothing. */
export type Opened = { readonly topic: string; readonly message: string | null; readonly id: string };

type Envelope = Readonly<Record<string, string>>;

/** The fields that AWS signs, in its order; one that is not there is left out. See "Verifying the signatures of Amazon SNS messages". */
const signed = {
  Notification: ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'],
  SubscriptionConfirmation: ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'],
  UnsubscribeConfirmation: ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'],
} as const;

const digests: Readonly<Record<string, string>> = { '1': 'RSA-SHA1', '2': 'RSA-SHA256' };

/** AWS gives a message up after an hour: an older one is somebody's copy. */
const mostAgeMs = 60 * 60_000;

/** Whether this is what SNS posts to a subscriber. */
export function isSns(body: unknown): body is Envelope {
  if (typeof body !== 'object' || body === null) return false;
  const { Type, TopicArn, Signature } = body as { Type?: unknown; TopicArn?: unknown; Signature?: unknown };
  return typeof Type === 'string' && Object.hasOwn(signed, Type) && typeof TopicArn === 'string' && typeof Signature === 'string';
}

/**
 * Opens what SNS posted at `now` (epoch ms): believed only if AWS signed it, by a certificate from SNS's own address in the topic's region. A
 * subscription is confirmed. Throws `forbidden` for what is not AWS's, `unavailable` when its certificate cannot be had.
 */
export async function openSns(body: Envelope, now: number, fetchText: FetchText): Promise<Opened> {
  const { Type: type = '', TopicArn: topic = '', MessageId: id = '', Timestamp: at = '', SignatureVersion: version = '' } = body;
  const region = topic.split(':')[3] ?? '';
  const digest = digests[version];
  if (digest === undefined) throw new HaldaneError('forbidden', `SNS signature version ${version} is not known: use 1 or 2`);
  const age = Math.abs(now - Date.parse(at));
  if (!(age <= mostAgeMs)) throw new HaldaneError('forbidden', `the SNS message of ${at} is not of this hour`);
  const key = await keyOf(snsUrl(body['SigningCertURL'], region, 'SigningCertURL'), fetchText);
  const names = signed[type as keyof typeof signed] ?? [];
  const text = names.flatMap((name) => (typeof body[name] === 'string' ? [`${name}\n${body[name]}\n`] : [])).join('');
  if (
    !createVerify(digest)
      .update(text)
      .verify(key, body['Signature'] ?? '', 'base64')
  )
    throw new HaldaneError('forbidden', `the message of topic ${topic} does not carry its signature: somebody else wrote it`);
  if (type === 'SubscriptionConfirmation') await reach(snsUrl(body['SubscribeURL'], region, 'SubscribeURL'), fetchText);
  return { topic, id, message: type === 'Notification' ? (body['Message'] ?? '') : null };
}

async function keyOf(url: URL, fetchText: FetchText): Promise<KeyObject> {
  if (!url.pathname.endsWith('.pem')) throw new HaldaneError('forbidden', `SigningCertURL ${url.pathname} names no certificate`);
  const text = await reach(url, fetchText);
  try {
    return createPublicKey(text);
  } catch (cause) {
    throw new HaldaneError('unavailable', `what ${url.host} gave is no certificate`, { cause });
  }
}

/** An address at SNS itself, in the topic's own region: nobody else's certificate counts, and nobody is led to call anything else. */
function snsUrl(text: string | undefined, region: string, field: string): URL {
  const url = text !== undefined && URL.canParse(text) ? new URL(text) : null;
  const hosts = [`sns.${region}.amazonaws.com`, `sns.${region}.amazonaws.com.cn`];
  if (url === null || url.protocol !== 'https:' || url.port !== '' || !/^[a-z0-9-]+$/.test(region) || !hosts.includes(url.hostname))
    throw new HaldaneError('forbidden', `${field} does not lead to SNS in the topic's region (${region || 'none'})`);
  return url;
}

async function reach(url: URL, fetchText: FetchText): Promise<string> {
  try {
    return await fetchText(url);
  } catch (error) {
    throw new HaldaneError('unavailable', `${url.host} did not answer: ${messageOf(error)}`, { cause: error });
  }
}
