import { randomUUID } from 'node:crypto';
import { HaldaneError, type Notice, systemClock } from '@haldane/core';
import type { Config } from './config.ts';
import { gitHubAppOf, gitHubDoor } from './github-app.ts';
import { tellingOf } from './telling.ts';

const answerWithinMs = 15_000;

/**
 * Sends one receiver of this data folder a message that says what it is, at once and once. Throws `not-found` without a `haldane.notify.yaml`,
 * `unknown-id` naming the receivers there are, and what the receiver answered when it did not take it.
 */
export async function tryReceiver(
  { dataDir, env, allow = [] }: Pick<Config, 'dataDir' | 'env' | 'allow'>,
  receiver: string,
): Promise<void> {
  const app = await gitHubAppOf({ dataDir, env, clock: systemClock });
  const unknown = async () => {
    throw new HaldaneError('internal', 'a message that only tries a receiver has no run');
  };
  const gitHubApp = app === null ? null : gitHubDoor(app, { gate: unknown, report: unknown });
  const telling = await tellingOf({ dataDir, env, clock: systemClock, allow, gitHubApp });
  if (telling === null)
    throw new HaldaneError('not-found', `there is no haldane.notify.yaml in ${dataDir}; docs/notifications.md shows one to begin with`);
  const notifier = telling.receivers.get(receiver);
  if (notifier === undefined)
    throw new HaldaneError('unknown-id', `there is no receiver "${receiver}"; known: ${[...telling.receivers.keys()].join(', ')}`);
  const at = systemClock.now();
  const nothing = {
    team: null,
    experiment: null,
    runId: null,
    revision: null,
    verdict: null,
    link: null,
    commands: [],
    remedies: [],
  } as const;
  const notice: Notice = {
    ...nothing,
    topic: 'started',
    service: 'no-service',
    environment: 'none',
    at,
    headline: `Haldane can tell ${receiver}`,
    lines: ['Somebody tried this receiver. Nothing has begun.'],
  };
  const delivery = { id: `${randomUUID()}.${receiver}`, receiver, notice, tries: 1, madeAt: at };
  await notifier.deliver(delivery, AbortSignal.timeout(answerWithinMs));
}
