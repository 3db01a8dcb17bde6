import { type Finding, readDocument } from '@haldane/documents';
import { notifySchema } from './notify.schema.ts';
import type { Notify } from './notify.ts';

/** What a receiver must say, beside its name. */
const needs: Readonly<Record<string, readonly string[]>> = {
  webhook: ['secretEnv'],
  slack: ['urlEnv'],
  github: ['repository'],
};
/** What only some receivers know. */
const only: Readonly<Record<string, readonly string[]>> = {
  webhook: ['url', 'urlEnv', 'secretEnv'],
  slack: ['urlEnv', 'buttons'],
  github: ['repository', 'tokenEnv', 'api', 'deployments', 'checks'],
};

/** Who is told what, of a YAML or JSON document. Throws `bad-document` with every problem, its path, line and fix. */
export function readNotify(text: string, source: string): Notify {
  return readDocument<Notify>({ text, source, what: 'list of who is told', schema: notifySchema, check: findingsOf });
}

function findingsOf({ receivers, tell, slackApp }: Notify): readonly Finding[] {
  const names = receivers.map(({ name }) => name);
  return [
    ...receivers.flatMap((receiver, at) => receiverFindings(receiver, ['receivers', at], names.indexOf(receiver.name) !== at)),
    ...tell.flatMap((rule, at) =>
      (['onCall', 'receivers'] as const).flatMap((field) =>
        rule[field].flatMap((name, index) =>
          names.includes(name) ? [] : [finding(['tell', at, field, index], `there is no receiver "${name}"; known: ${names.join(', ')}`)],
        ),
      ),
    ),
    ...tell.flatMap((rule, at) =>
      rule.onCall.length + rule.receivers.length === 0
        ? [finding(['tell', at], 'it tells nobody; name receivers, or onCall, or both')]
        : [],
    ),
    ...(slackApp === undefined && receivers.some((one) => one.by === 'slack' && one.buttons)
      ? [finding(['receivers'], 'buttons need slackApp: the signing secret by which a press is known to come from Slack')]
      : []),
    ...(slackApp?.wasThatYou !== undefined &&
    !receivers.some((one) => one.name === slackApp.wasThatYou?.ask && one.by === 'slack' && one.buttons)
      ? [finding(['slackApp', 'wasThatYou', 'ask'], `"${slackApp.wasThatYou.ask}" is no receiver by slack with buttons: true`)]
      : []),
    ...(slackApp?.people ?? []).flatMap(({ slack }, at, people) =>
      people.findIndex((other) => other.slack === slack) === at
        ? []
        : [finding(['slackApp', 'people', at, 'slack'], `"${slack}" is somebody else already`)],
    ),
  ];
}

function receiverFindings(receiver: Notify['receivers'][number], keys: Finding['keys'], again: boolean): readonly Finding[] {
  const { by, name } = receiver;
  const said = receiver as unknown as Readonly<Record<string, unknown>>;
  const missing = (needs[by] ?? []).filter((field) => said[field] === undefined);
  // What has a default is written in for every receiver.
  const defaults = ['buttons', 'api', 'deployments', 'checks'];
  const odd = Object.keys(said).filter((field) => !['name', 'by', ...defaults, ...(only[by] ?? [])].includes(field));
  return [
    ...(again ? [finding([...keys, 'name'], `"${name}" names two receivers`)] : []),
    ...missing.map((field) => finding(keys, `a ${by} needs ${field}`)),
    ...odd.map((field) => finding([...keys, field], `a ${by} has no ${field}`)),
    ...(by === 'webhook' && (said['url'] === undefined) === (said['urlEnv'] === undefined)
      ? [finding(keys, 'a webhook needs url, or urlEnv when its address is a secret, and not both')]
      : []),
    ...(by === 'github' && said['checks'] === true && said['tokenEnv'] !== undefined
      ? [
          finding(
            [...keys, 'checks'],
            'only a GitHub App may make check runs; leave tokenEnv out, and the App of haldane.github.yaml writes',
          ),
        ]
      : []),
  ];
}

function finding(keys: Finding['keys'], message: string): Finding {
  return { keys, about: 'value', message };
}
