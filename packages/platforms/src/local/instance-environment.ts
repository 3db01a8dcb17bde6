import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { LaunchRecipe } from '@haldane/core';
import { hostOf, isLoopback, rewireUrl } from '../rewire-url.ts';

/** A dependency's proxy, as an arm is pointed at it. `authority` is the PEM that it is to trust, for https that ends at the proxy. */
export type ProxyPoint = { readonly dependency: string; readonly port: number; readonly authority: string | null };

export type InstanceEnvironment = { readonly env: Readonly<Record<string, string>>; readonly files: Readonly<Record<string, string>> };

type Dependency = LaunchRecipe['dependencies'][number];

/** What we see inside of a dependency's calls. https without a variable for certificates stays closed to us: a stream of bytes. */
export function reachableAs(dependency: Pick<Dependency, 'as' | 'ca'>): 'http' | 'https' | 'tcp' {
  return dependency.as === 'https' && dependency.ca === null ? 'tcp' : dependency.as;
}

/**
 * Whether an arm can be pointed at a proxy of this dependency without breaking it. An https client that gets no
 * certificates from us checks the real certificate against the name that it called: that holds through a proxy only
 * when the real one is on this machine too, under the same name.
 */
export function canBeProxied(dependency: Dependency): boolean {
  return !(dependency.as === 'https' && dependency.ca === null && !isLoopback(hostOf(dependency.url)));
}

/** Production's environment: the basics, the recipe's own variables, each dependency's address, and the instance's name. */
export function productionEnvironment(
  recipe: LaunchRecipe,
  basics: Readonly<Record<string, string>>,
  instance: string,
): InstanceEnvironment {
  const addresses = Object.fromEntries(recipe.dependencies.map((one) => [one.env, one.url]));
  return { env: { ...basics, ...recipe.env, ...addresses, ...named(recipe, instance) }, files: {} };
}

/**
 * An arm's environment: production's, with every dependency's address at the arm's proxy, the declared intake turned
 * off, and the proxies' authorities added to whatever the service trusts by that variable already.
 */
export function armEnvironment(
  recipe: LaunchRecipe,
  basics: Readonly<Record<string, string>>,
  points: readonly ProxyPoint[],
  instance: { readonly name: string; readonly folder: string },
): InstanceEnvironment {
  const production = productionEnvironment(recipe, basics, instance.name).env;
  const addresses: Record<string, string> = {};
  const trusted = new Map<string, string[]>();
  for (const dependency of recipe.dependencies) {
    const point = points.find((one) => one.dependency === dependency.name);
    if (!point || !canBeProxied(dependency)) continue;
    const host =
      reachableAs(dependency) === 'tcp' && isLoopback(hostOf(dependency.url))
        ? hostOf(dependency.url).replace('::1', '127.0.0.1')
        : '127.0.0.1';
    addresses[dependency.env] = rewireUrl(dependency.url, host, point.port);
    if (point.authority !== null && dependency.ca !== null)
      trusted.set(dependency.ca, [...(trusted.get(dependency.ca) ?? []), point.authority]);
  }
  const files: Record<string, string> = {};
  const trust: Record<string, string> = {};
  for (const [variable, authorities] of trusted) {
    const file = `trust-${variable.toLowerCase().replace(/[^a-z0-9]+/g, '-')}.pem`;
    files[file] = [...authorities, ...alreadyTrusted(production[variable], recipe.cwd)].join('\n');
    trust[variable] = join(instance.folder, file);
  }
  return { env: { ...production, ...recipe.intakeOff, ...addresses, ...trust }, files };
}

function named(recipe: LaunchRecipe, instance: string): Readonly<Record<string, string>> {
  return recipe.instanceEnv === null ? {} : { [recipe.instanceEnv]: instance };
}

function alreadyTrusted(file: string | undefined, cwd: string): readonly string[] {
  if (file === undefined || file === '') return [];
  try {
    return [readFileSync(resolve(cwd, file), 'utf8')];
  } catch {
    return [];
  }
}
