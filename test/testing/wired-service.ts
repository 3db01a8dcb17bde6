import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HaldaneClient } from '@haldane/client';
import { lookAt, type ServiceStand, sdkStand } from '@haldane/platforms/aws-testing';
import { type Stack, type StackOptions, startStack } from '@haldane/standalone';
import type { Test } from 'tap';
import { type CloudInit, cloudInit } from './cloud-init.ts';
import { type ListenerBalancer, listenerBalancer } from './listener-balancer.ts';
import { openRoom } from './room.ts';
import type { Keys } from './tiny.ts';
import { turnsAtSideDoor } from './turns-at-side-door.ts';
import { writeDeployed } from './write-deployed.ts';

const service = fileURLToPath(new URL('tiny-service.mjs', import.meta.url));
const sidecar = fileURLToPath(new URL('../../services/router/dist/sidecar/main.js', import.meta.url));

export type WiredService = {
  readonly stand: ServiceStand;
  readonly before: unknown;
  /** Whose machines are played: production's, and whatever a test adds. */
  readonly groups: string[];
  readonly machines: CloudInit;
  readonly balancer: ListenerBalancer;
  readonly client: HaldaneClient;
  readonly stack: Stack;
  readonly experiment: string;
  /** Of Haldane: where its routers say who they are. */
  readonly dataDir: string;
  /** Whether the balancer takes the router at the side door for well; false where there is none. */
  readonly isSideDoorWell: () => boolean;
};

/** Where a service stands, and how users come to its arms: `traffic` is what the experiment says of them. */
export type Place = {
  readonly mark: string;
  /** The first half of its machines' addresses: `127.77`. */
  readonly network: string;
  /** Variables for the service, each with a space before it. */
  readonly flags: string;
  readonly traffic?: string;
  /** With a side door, at which Haldane's one router has this port. */
  readonly sideDoorPort?: number;
  readonly prometheus?: NonNullable<StackOptions['prometheus']>;
};

/** The service in instances that its account launches, each with a sidecar when it is an arm's, behind a balancer, and Haldane beside it. */
export async function wiredService(t: Test, keys: Keys, connection: Parameters<typeof sdkStand>[1], place: Place): Promise<WiredService> {
  const { mark, network, flags, traffic, sideDoorPort, prometheus } = place;
  const room = await openRoom();
  t.teardown(() => room.leave());
  // What any service does here whose owner lets it be pointed at a sidecar: it reads arm.env last, when there is one.
  const userData = `#!/bin/sh
export PORT=8080 TINY_TOKEN='${keys.token}' KEYS_URL='${keys.url}'${flags}
if [ -e "$HALDANE_DIR/arm.env" ]; then set -a; . "$HALDANE_DIR/arm.env"; fi
exec '${process.execPath}' '${service}'
`;
  const sideDoor = sideDoorPort === undefined ? {} : { sideDoor: { port: sideDoorPort } };
  const stand = await sdkStand(mark, connection, { network, userData, ...sideDoor });
  const groups = [`${mark}-production`];
  const machines = cloudInit(stand.calls, join(room.folder, 'machines'), () => groups);
  t.teardown(() => machines.close());
  const turns = sideDoorPort === undefined ? null : turnsAtSideDoor(sideDoorPort, () => machines.serving(`${mark}-targets`));
  t.teardown(() => turns?.stop());
  const targetsOf = (name: string) => (turns !== null && name === `${mark}-side` ? turns.next() : machines.serving(name));
  const balancer = await listenerBalancer(stand.calls, stand.listener, targetsOf);
  t.teardown(() => balancer.close());
  const experiment = await writeDeployed(room.folder, mark, {
    optIn: 'idp-jwks-unavailable',
    scenario: '{ id: idp-jwks-unavailable, params: { dependency: keys, keyCacheSeconds: 1s } }',
    more: `dependencies:\n  - { name: keys, env: KEYS_URL, url: "\${KEYS_URL}", as: http }\n`,
    ...(traffic === undefined ? {} : { traffic }),
  });
  const route = `${mark}-alb:80`;
  const dataDir = join(room.folder, 'data');
  const stack = await startStack({
    dataDir,
    databaseUrl: null,
    port: 0,
    env: { TINY_TOKEN: keys.token, KEYS_URL: keys.url },
    ephemeral: true,
    aws: {
      region: connection.region,
      ...(connection.endpoint === undefined ? {} : { endpoint: connection.endpoint }),
      addresses: { [route]: balancer.url },
      sidecar: `'${process.execPath}' '${sidecar}'`,
      ...(sideDoorPort === undefined ? {} : { sideDoors: { [route]: { targetGroup: `${mark}-side`, port: sideDoorPort } } }),
    },
    ...(prometheus === undefined ? {} : { prometheus }),
  });
  room.onLeave(() => stack.stop());
  const client = new HaldaneClient(stack.access);
  const isSideDoorWell = () => turns?.isWell() ?? false;
  return { stand, before: await lookAt(stand), groups, machines, balancer, client, stack, experiment, dataDir, isSideDoorWell };
}
