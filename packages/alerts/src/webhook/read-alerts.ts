import type { Alert } from '@haldane/core';
import { isLoose } from '../loose.ts';
import { parseAlerts } from '../parse-alerts.ts';
import { fromAlarm, isAlarm } from './cloudwatch/index.ts';
import { fromEvent, isEvent } from './eventbridge/index.ts';
import { type FetchText, isSns, openSns } from './sns/index.ts';

/**
 * The alerts in a body that a receiver was sent at `receivedAt` (epoch ms), in whatever words: generic, Alertmanager's, an event of EventBridge, a
 * CloudWatch alarm, or any of these in what SNS delivers, of which subscriptions are confirmed. Throws `bad-request` for what is none of them, and
 * `forbidden` for an SNS message that AWS has not signed.
 */
export async function readAlerts(receiver: string, body: unknown, receivedAt: number, fetchText: FetchText): Promise<readonly Alert[]> {
  // SNS says text/plain of its JSON.
  const given = typeof body === 'string' ? parsed(body) : body;
  if (!isSns(given)) return inWords(receiver, given, receivedAt);
  const { message, topic, id } = await openSns(given, receivedAt, fetchText);
  if (message === null) return [];
  const said = parsed(message);
  // A message that is plain text is about its subject.
  const alert = isLoose(said) ? said : { id, rule: given['Subject'] ?? topic.split(':').at(-1), summary: message };
  return inWords(receiver, alert, receivedAt);
}

function inWords(receiver: string, body: unknown, receivedAt: number): readonly Alert[] {
  if (!isLoose(body)) return parseAlerts(receiver, body, receivedAt);
  if (isEvent(body)) return parseAlerts(receiver, fromEvent(body), receivedAt);
  if (!isAlarm(body)) return parseAlerts(receiver, body, receivedAt);
  const alarm = fromAlarm(body);
  return alarm === null ? [] : parseAlerts(receiver, alarm, receivedAt);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
