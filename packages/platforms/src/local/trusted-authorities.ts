import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { LaunchRecipe } from '@haldane/core';

const certificate = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/**
 * The certificates, in PEM and nothing but certificates, that the service trusts for this dependency by the file which its `ca`
 * variable names. Null when it names none or the file holds none: then the usual authorities are all that it trusts.
 */
export function trustedAuthorities(recipe: LaunchRecipe, dependency: Pick<LaunchRecipe['dependencies'][number], 'ca'>): string | null {
  const file = dependency.ca === null ? undefined : recipe.env[dependency.ca];
  if (file === undefined || file === '') return null;
  try {
    return readFileSync(resolve(recipe.cwd, file), 'utf8').match(certificate)?.join('\n') ?? null;
  } catch {
    // The service could not read it either; that is its own matter.
    return null;
  }
}
