import { type Clock, HaldaneError, type Notifier } from '@haldane/core';
import type { Egress } from '@haldane/egress';
import type { AppDoor } from './github/app-door.ts';
import { githubNotifier } from './github/index.ts';
import type { Notify, Receiver } from './notify.ts';
import { slackNotifier } from './slack/index.ts';
import { webhookNotifier } from './webhook/index.ts';

/** What notifiers are made with. `env`: where secrets are looked up. */
export type NotifierParts = {
  readonly env: Readonly<Record<string, string>>;
  readonly egress: Egress;
  readonly clock: Clock;
  /** Haldane's own GitHub App, for receivers on GitHub that name no token; none when it is not given. */
  readonly gitHubApp?: AppDoor;
};

/** A notifier for each receiver, by its name. Throws `bad-document` naming a variable that is not set, or a secret that is none. */
export function notifiers({ receivers }: Pick<Notify, 'receivers'>, parts: NotifierParts): ReadonlyMap<string, Notifier> {
  return new Map(receivers.map((receiver) => [receiver.name, notifierOf(receiver, parts)]));
}

function notifierOf(receiver: Receiver, { env, egress, clock, gitHubApp }: NotifierParts): Notifier {
  const held = (variable: string): string => secretOf(variable, env, `receiver "${receiver.name}"`);
  switch (receiver.by) {
    case 'webhook': {
      const { url = held(receiver.urlEnv ?? ''), secretEnv } = receiver;
      return webhookNotifier({ url, secret: held(secretEnv), egress, clock });
    }
    case 'slack':
      return slackNotifier({ url: held(receiver.urlEnv), buttons: receiver.buttons, egress, clock });
    case 'github': {
      const { repository, api, deployments, tokenEnv, checks } = receiver;
      const parts = { repository, deployments, egress, clock };
      if (tokenEnv !== undefined) {
        const token = held(tokenEnv);
        return githubNotifier({ ...parts, api, tokenOf: async () => token, seal: token, checks: null });
      }
      if (gitHubApp === undefined)
        throw new HaldaneError(
          'bad-document',
          `haldane.notify.yaml: receiver "${receiver.name}" names no tokenEnv, and there is no haldane.github.yaml by whose App it could write`,
        );
      const permissions = {
        contents: 'read',
        pull_requests: 'write',
        ...(deployments ? ({ deployments: 'write' } as const) : {}),
        ...(checks ? ({ checks: 'write' } as const) : {}),
      } as const;
      const tokenOf = (signal: AbortSignal) => gitHubApp.tokenOf(repository, permissions, signal);
      return githubNotifier({ ...parts, api: gitHubApp.api, tokenOf, seal: gitHubApp.seal, checks: checks ? gitHubApp : null });
    }
  }
}

/** The value of a variable. Throws `bad-document` naming it when it is not set. */
export function secretOf(variable: string, env: Readonly<Record<string, string>>, whose: string): string {
  const value = env[variable] ?? '';
  if (value === '')
    throw new HaldaneError('bad-document', `haldane.notify.yaml: ${whose} needs the variable ${variable}, which is not set`);
  return value;
}
