import { HaldaneError, type LaunchRecipe } from '@haldane/core';
import { readClusterRecord } from './cluster-record.ts';
import type { Layout } from './layout.ts';

/** How production's cluster was launched. Throws `not-found` when there is no such cluster: an arm must equal something. */
export function productionRecipe(layout: Layout, source: string): LaunchRecipe {
  const recipe = readClusterRecord(layout, source)?.recipe ?? null;
  if (recipe === null)
    throw new HaldaneError('not-found', `there is no production cluster ${source} on this machine: deploy the service first`);
  return recipe;
}

/** The recipe's dependency by that name; throws `not-found` with the known ones. */
export function dependencyOf(recipe: LaunchRecipe, name: string): LaunchRecipe['dependencies'][number] {
  const found = recipe.dependencies.find((one) => one.name === name);
  if (found) return found;
  throw new HaldaneError(
    'not-found',
    `service ${recipe.service} has no dependency ${name}; known: ${recipe.dependencies.map((one) => one.name).join(', ') || 'none'}`,
  );
}
