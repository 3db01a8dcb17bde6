import { createHash } from 'node:crypto';
import { type Arm, HaldaneError, type LaunchRecipe } from '@haldane/core';
import type { InstanceEnvironment } from './instance-environment.ts';
import type { KeeperOrder } from './keeper/order.ts';
import type { Layout } from './layout.ts';
import { resolveCommand } from './resolve-command.ts';

/** The order for one instance's keeper. Its fingerprint changes when anything that the instance is launched with does. */
export function keeperOrder(
  layout: Layout,
  recipe: LaunchRecipe,
  whose: { readonly cluster: string; readonly instance: string; readonly role: 'production' | Arm; readonly runId: string | null },
  environment: InstanceEnvironment,
  until: number | null,
): KeeperOrder {
  if (recipe.command.length === 0 || recipe.command[0] === '')
    throw new HaldaneError('bad-document', `service ${recipe.service} has an empty command: write the program and its arguments`);
  const launch = {
    folder: layout.instance(whose.cluster, whose.instance),
    runFolder: whose.runId === null ? null : layout.run(whose.runId),
    ...whose,
    revision: recipe.revision,
    command: resolveCommand(recipe.command, recipe.cwd),
    env: environment.env,
    files: environment.files,
    portEnv: recipe.portEnv,
    healthPath: recipe.health.path,
  };
  return { ...launch, fingerprint: createHash('sha256').update(JSON.stringify(launch)).digest('hex'), until };
}
