import type { JsonObject } from '@haldane/core';

const name = { type: 'string', minLength: 1, maxLength: 100 };
const date = { type: 'string', asWritten: true, pattern: '^\\d{4}-\\d{2}-\\d{2}$', known: 'is no date; write it like 2026-12-24' };
const time = {
  type: 'string',
  asWritten: true,
  pattern: '^([01]\\d|2[0-3]):[0-5]\\d$|^24:00$',
  known: 'is no time of day; write it in quotes, like "09:00"',
};
const zone = { type: 'string', minLength: 1, default: 'UTC', description: 'the zone that days and hours are meant in, like Europe/Berlin' };
const part = (properties: JsonObject, required: readonly string[] = []): JsonObject => ({
  type: 'object',
  additionalProperties: false,
  properties,
  required,
});

const check = part(
  {
    name: { ...name, description: 'what must be so, like "no incident is open"' },
    http: part(
      {
        url: { type: 'string', pattern: '^https?://', known: 'is no address; write it like https://status.example.com/incidents' },
        header: part({ name, valueEnv: { ...name, description: 'the variable that holds its value' } }, ['name', 'valueEnv']),
        at: { type: 'string', pattern: '^(/.*)?$', known: 'is no JSON pointer; write it like /incidents/0/state' },
        is: { description: 'what must be there' },
      },
      ['url'],
    ),
    command: part(
      {
        run: { type: 'array', minItems: 1, items: { type: 'string', minLength: 1 }, description: 'a program by its whole path, and words' },
        env: { type: 'array', default: [], items: name, description: 'variables of Haldane that it is given' },
      },
      ['run'],
    ),
    alerts: part(
      {
        receiver: name,
        rules: { type: 'array', minItems: 1, items: name },
        within: { type: ['number', 'string'], duration: { above: 0 }, default: '15m' },
      },
      ['receiver', 'rules'],
    ),
  },
  ['name'],
);

/** What a policy file may say. */
export const policySchema: JsonObject = {
  $id: 'haldane-policy',
  ...part(
    {
      rules: {
        type: 'array',
        description: 'of several rules that fit a run, all hold',
        items: part(
          {
            name: { ...name, description: 'what refusals call it' },
            where: {
              ...part({ environment: name, service: name, team: name }),
              default: {},
              description: 'which runs it is for; all when it says nothing',
            },
            windows: part(
              {
                zone,
                days: {
                  type: 'array',
                  minItems: 1,
                  uniqueItems: true,
                  items: { type: 'string', enum: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] },
                  default: ['mon', 'tue', 'wed', 'thu', 'fri'],
                },
                from: time,
                to: time,
                holidays: { type: 'array', items: date, default: [] },
              },
              ['from', 'to'],
            ),
            freezes: { type: 'array', default: [], items: part({ zone, from: date, to: date, why: name }, ['from', 'to', 'why']) },
            caps: part({
              share: { type: ['number', 'string'], share: { above: 0, atMost: 0.5 } },
              together: { type: ['number', 'string'], share: { above: 0, atMost: 1 } },
              runs: { type: 'integer', minimum: 1 },
            }),
            firstShare: { type: ['number', 'string'], share: { above: 0, atMost: 0.5 } },
            failuresPerMonth: { type: 'integer', minimum: 0 },
            pagesPerWeek: { type: 'integer', minimum: 0 },
            consents: { type: 'array', uniqueItems: true, items: name, default: [] },
            ladder: part({ after: name, within: { type: ['number', 'string'], duration: { above: 0 }, default: '14d' } }, ['after']),
            healthy: { type: 'boolean', default: false },
            checks: { type: 'array', default: [], items: check },
            apart: { type: 'array', minItems: 1, uniqueItems: true, items: { type: 'string', enum: ['route', 'dependencies'] } },
            approvals: { type: 'integer', minimum: 1, maximum: 10 },
          },
          ['name'],
        ),
      },
    },
    ['rules'],
  ),
};
