import { createHash } from 'node:crypto';
import { type Alert, HaldaneError } from '@haldane/core';
import { isLoose, type Loose, text } from './loose.ts';

/** The only fields of an alert that are kept: what somebody needs in order to act. Everything else is dropped unread. */
const allowedFields = [
  'who',
  'what',
  'when',
  'where',
  'resource',
  'severity',
  'remediation',
  'owner',
  'before',
  'after',
  'source',
  'instance',
  'service',
  'environment',
  'rule',
  'summary',
  'description',
  'runbook',
] as const;
type Field = (typeof allowedFields)[number];

const alertsLimit = 100;

/**
 * The alerts in the body that a receiver was sent: one generic JSON alert (`rule`, `severity`, `summary`, and its other
 * fields beside them or under `fields`), or a webhook of Alertmanager (`alerts[]` with labels and annotations), of which
 * resolved ones are left out. `receivedAt` is epoch ms. Throws `bad-request` when the body is neither.
 */
export function parseAlerts(receiver: string, body: unknown, receivedAt: number): readonly Alert[] {
  if (!isLoose(body)) throw new HaldaneError('bad-request', 'an alert must be a JSON object; send it with content-type application/json');
  if (Array.isArray(body.alerts)) {
    if (body.alerts.length > alertsLimit)
      throw new HaldaneError('bad-request', `alerts: ${body.alerts.length} alerts in one body; send at most ${alertsLimit}`);
    return body.alerts.flatMap((one: unknown, i) => {
      if (!isLoose(one))
        throw new HaldaneError('bad-request', `alerts[${i}] is not an object; send labels and annotations as Alertmanager does`);
      return one.status === 'resolved' ? [] : [fromAlertmanager(receiver, one, receivedAt)];
    });
  }
  return [fromGeneric(receiver, body, receivedAt)];
}

function fromAlertmanager(receiver: string, alert: Loose, receivedAt: number): Alert {
  const labels = isLoose(alert.labels) ? alert.labels : {};
  const annotations = isLoose(alert.annotations) ? alert.annotations : {};
  const fields = allowed({ when: alert.startsAt, runbook: annotations.runbook_url, ...labels, ...annotations });
  const rule = text(labels.alertname);
  if (rule === null)
    throw new HaldaneError('bad-request', 'an alert has no label "alertname"; without it nobody can tell which rule it came from');
  // A firing alert is sent again and again: the first arrival counts. The next firing begins at another time.
  const sender = text(alert.fingerprint);
  const id = digest([receiver, sender ?? JSON.stringify(labels), text(alert.startsAt) ?? receivedAt]);
  return { id, receiver, rule, severity: text(labels.severity) ?? 'unknown', receivedAt, fields };
}

function fromGeneric(receiver: string, body: Loose, receivedAt: number): Alert {
  const rule = text(body.rule) ?? text(body.alertname) ?? text(body.name) ?? text(body.title);
  if (rule === null) throw new HaldaneError('bad-request', 'the alert has no "rule"; send the name of the rule that raised it');
  const fields = allowed({ ...body, ...(isLoose(body.fields) ? body.fields : {}) });
  const sender = text(body.id);
  const id = digest([receiver, rule, sender ?? receivedAt, ...Object.entries(fields).flat()]);
  return { id, receiver, rule, severity: text(body.severity) ?? fields.severity ?? 'unknown', receivedAt, fields };
}

function allowed(given: Loose): Readonly<Partial<Record<Field, string>> & Record<string, string>> {
  const kept = allowedFields.map((field): [Field, string | null] => [field, Object.hasOwn(given, field) ? text(given[field]) : null]);
  return Object.fromEntries(kept.filter((entry): entry is [Field, string] => entry[1] !== null));
}

function digest(parts: readonly (string | number)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 24);
}
