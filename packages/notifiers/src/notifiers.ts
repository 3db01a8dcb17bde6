import { type Clock, HaldaneError, type Notifier } from '@haldane/core';
import type { Egress } from './egress.ts';
import { githubNotifier } from './github/index.ts';
import type { Notify, Receiver } from './notify.ts';
import { slackNotifier } from './slack/index.ts';
import { webhookNotifier } from './webhook/index.ts';

/** What notifiers are made with. `env`: where secrets are looked up. */
export type NotifierParts = { readonly env: Readonly<Record<string, string>>; readonly egress: Egress; readonly clock: Clock };

/** A notifier for each receiver, by its name. Throws `bad-document` naming a variable that is not set, or a secret that is none. */
export function notifiers({ receivers }: Pick<Notify, 'receivers'>, parts: NotifierParts): ReadonlyMap<string, Notifier> {
  return new Map(receivers.map((receiver) => [receiver.name, notifierOf(receiver, parts)]));
}

function notifierOf(receiver: Receiver, { env, egress, clock }: NotifierParts): Notifier {
  const held = (variable: string): string => secretOf(variable, env, `receiver "${receiver.name}"`);
  switch (receiver.by) {
    case 'webhook': {
      const { url = held(receiver.urlEnv ?? ''), secretEnv } = receiver;
      return webhookNotifier({ url, secret: held(secretEnv), egress, clock });
    }
    case 'slack':
      return slackNotifier({ url: held(receiver.urlEnv), buttons: receiver.buttons, egress, clock });
    case 'github': {
      const { repository, api, deployments, tokenEnv } = receiver;
      return githubNotifier({ repository, api, deployments, token: held(tokenEnv), egress, clock });
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
