import { type JsonObject, roles, topics } from '@haldane/core';
import { nameSchema as name, variableSchema as variable } from '@haldane/documents';
import { receiverKinds } from './notify.ts';

// Not shown in messages: a wrong one may hold a password.
const address = {
  type: 'string',
  writeOnly: true,
  pattern: '^https?://[^\\s/@]+(/[^\\s@]*)?$',
  known: 'is no address to use here; write https:// and a host, without a name and password in it',
};
const words = { type: 'string', minLength: 1, maxLength: 200 };
const part = (properties: JsonObject, required: readonly string[] = []): JsonObject => ({
  type: 'object',
  additionalProperties: false,
  properties,
  required,
});
const list = (items: JsonObject): JsonObject => ({ type: 'array', items });

/** What haldane.notify.yaml may say. */
export const notifySchema: JsonObject = {
  $id: 'haldane-notify',
  ...part(
    {
      link: { ...address, description: 'where people reach this Haldane, like https://haldane.example.com' },
      allow: {
        ...list({
          type: 'string',
          pattern: '^(\\[[0-9a-f:]+\\]|[a-z0-9.-]+)(:[0-9]{1,5})?$',
          known: 'is no host; write it like hooks.internal or hooks.internal:8443',
        }),
        uniqueItems: true,
        default: [],
        description: 'hosts of your own network, or over plain http, that may be told',
      },
      receivers: {
        ...list(
          part(
            {
              name: { ...name, description: 'what rules call it' },
              by: { type: 'string', enum: [...receiverKinds] },
              url: { ...address, description: 'of a webhook' },
              urlEnv: { ...variable, description: 'the variable that holds the address, when that is a secret, as that of Slack is' },
              secretEnv: { ...variable, description: "the variable that holds a webhook's secret, whsec_..." },
              buttons: { type: 'boolean', default: false, description: 'in Slack: what can be done about it, as buttons' },
              repository: {
                type: 'string',
                pattern: '^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$',
                known: 'is no repository; write it like acme/payments',
              },
              tokenEnv: {
                ...variable,
                description: 'the variable that holds a token of GitHub; without it, the App of haldane.github.yaml writes',
              },
              api: { ...address, default: 'https://api.github.com' },
              deployments: { type: 'boolean', default: false, description: 'on GitHub: whether verdicts are deployment statuses, too' },
              checks: {
                type: 'boolean',
                default: false,
                description: 'on GitHub, by the App: whether each experiment is a check run, too',
              },
            },
            ['name', 'by'],
          ),
        ),
        minItems: 1,
      },
      tell: {
        ...list(
          part({
            where: { ...part({ environment: words, service: words, team: words }), default: {} },
            onCall: { ...list(name), uniqueItems: true, default: [], description: 'told of every start, end and trouble' },
            receivers: { ...list(name), uniqueItems: true, default: [] },
            about: {
              ...list({ type: 'string', enum: [...topics] }),
              minItems: 1,
              uniqueItems: true,
              default: [...topics],
              description: 'what `receivers` are told of; everything when it is not said',
            },
          }),
        ),
        minItems: 1,
        description: 'who is told of what; of several rules that fit, all hold',
      },
      slackApp: part(
        {
          signingSecretEnv: { ...variable, description: "the variable that holds the app's signing secret" },
          people: {
            ...list(
              part(
                {
                  slack: {
                    type: 'string',
                    pattern: '^T[A-Z0-9]{2,30}/[UW][A-Z0-9]{2,30}$',
                    known: 'is no member of a workspace; write team and member, like T024BE7LD/U024BE7LH',
                  },
                  login: { ...words, description: 'the name that this person logs in by, like ann@example.com' },
                  grants: { ...list(part({ role: { type: 'string', enum: [...roles] }, team: words }, ['role', 'team'])), minItems: 1 },
                },
                ['slack', 'login', 'grants'],
              ),
            ),
            default: [],
          },
          wasThatYou: {
            ...part(
              {
                ask: {
                  ...name,
                  description: 'the receiver (Slack, with buttons) where whoever changed who may do what is asked whether it was them',
                },
                withinMinutes: {
                  type: 'integer',
                  minimum: 5,
                  maximum: 10_080,
                  default: 60,
                  description: 'silence for so long takes the change back',
                },
                otherwise: {
                  type: 'string',
                  enum: ['keep', 'take-back'],
                  default: 'keep',
                  description: 'what becomes of the change of somebody who is not among people',
                },
              },
              ['ask'],
            ),
            description: 'ask whoever changes who may do what here',
          },
        },
        ['signingSecretEnv'],
      ),
    },
    ['receivers', 'tell'],
  ),
};
