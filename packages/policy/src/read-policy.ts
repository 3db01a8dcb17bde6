import { isAbsolute } from 'node:path';
import { isZone, type OutsideCheck } from '@haldane/core';
import { type Finding, readDocument } from '@haldane/documents';
import { policySchema } from './policy.schema.ts';
import type { Policy } from './policy.ts';

/** The policy of a YAML or JSON document. Throws `bad-document` with every problem, its path, line and fix. */
export function readPolicy(text: string, source: string): Policy {
  return readDocument<Policy>({ text, source, what: 'policy', schema: policySchema, check: findingsOf });
}

function findingsOf({ rules }: Policy): readonly Finding[] {
  const found: Finding[] = [];
  const zoneAt = (zone: string, keys: Finding['keys']) => {
    if (!isZone(zone))
      found.push({ keys, about: 'value', message: `"${zone}" is no zone that this machine knows; write it like Europe/Berlin` });
  };
  for (const [at, { name, windows, freezes, checks }] of rules.entries()) {
    if (rules.findIndex((other) => other.name === name) !== at)
      found.push({ about: 'value', keys: ['rules', at, 'name'], message: `"${name}" names two rules; refusals must tell them apart` });
    if (windows !== undefined) {
      zoneAt(windows.zone, ['rules', at, 'windows', 'zone']);
      if (windows.from >= windows.to)
        found.push({
          about: 'value',
          keys: ['rules', at, 'windows', 'to'],
          message: `must be later than from ("${windows.from}"); for a night write two rules for two environments, or 24:00`,
        });
    }
    found.push(...checks.flatMap((check, index) => findingsOfCheck(check, ['rules', at, 'checks', index])));
    for (const [index, freeze] of freezes.entries()) {
      zoneAt(freeze.zone, ['rules', at, 'freezes', index, 'zone']);
      if (freeze.from > freeze.to)
        found.push({ about: 'value', keys: ['rules', at, 'freezes', index, 'to'], message: `must not be before from (${freeze.from})` });
    }
  }
  return found;
}

function findingsOfCheck({ http, command, alerts }: OutsideCheck, keys: Finding['keys']): readonly Finding[] {
  const found: Finding[] = [];
  if ([http, command, alerts].filter((one) => one !== undefined).length !== 1)
    found.push({ about: 'value', keys, message: 'must ask exactly one of http, command and alerts' });
  if (http !== undefined && (http.at === undefined) !== (http.is === undefined))
    found.push({ about: 'value', keys: [...keys, 'http'], message: 'at and is belong together: what must be where' });
  if (command !== undefined && !isAbsolute(command.run[0] ?? ''))
    found.push({
      about: 'value',
      keys: [...keys, 'command', 'run', 0],
      message: 'must be the whole path of a program, like /opt/no-incident',
    });
  return found;
}
