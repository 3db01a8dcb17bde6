import type { Owner, Run, ServiceRef, Watched } from '@haldane/core';
import { HaldaneError } from '@haldane/core';
import type { Desk } from '../desk.ts';
import type { Caller } from './caller.ts';
import type { Capability } from './capabilities.ts';

/** Throws `forbidden` unless the caller may do this to the service of the run. */
export async function requireRun(desk: Desk, caller: Caller, capability: Capability, { service, environment }: Run): Promise<void> {
  await requireService(desk, caller, capability, { service, environment });
}

/** Whether the caller may do this to the service. */
export async function mayReach(desk: Desk, caller: Caller, capability: Capability, { service, environment }: ServiceRef): Promise<boolean> {
  const known = await desk.store.services.get({ service, environment });
  return caller.may(capability, { team: known?.owner.team ?? null, service: { service, environment } });
}

/** Throws `forbidden` unless the caller may do this to the service. One that nobody registered is for those with a role in all teams. */
export async function requireService(desk: Desk, caller: Caller, capability: Capability, service: ServiceRef): Promise<void> {
  const known = await desk.store.services.get(service);
  caller.require(capability, { team: known?.owner.team ?? null, service });
}

/** The services that the caller may read; null when that is all, also those that nobody registered. */
export async function readable(desk: Desk, caller: Caller): Promise<readonly ServiceRef[] | null> {
  if (caller.teams('read') === null && caller.isWhole) return null;
  return (await readableServices(desk, caller)).map(({ service, environment }) => ({ service, environment }));
}

/** The registered services that the caller may read. */
export async function readableServices(desk: Desk, caller: Caller) {
  const known = await desk.store.services.list(caller.teams('read'));
  return known.filter(({ service, environment, owner }) => caller.may('read', { team: owner.team, service: { service, environment } }));
}

/**
 * Whether the caller may do this to a service that a file speaks of. The file says whose it is, but only the first time: after that it is
 * the register that counts, and a file that names another owner is refused, unless an admin of both teams brings it. `registers`: null where nothing
 * is written down of that; else whoever is asked whether a move was theirs.
 */
export async function requireFile(
  desk: Desk,
  caller: Caller,
  capability: Capability,
  service: ServiceRef,
  owner: Owner,
  registers: { readonly watched?: Watched } | null,
): Promise<void> {
  const known = await desk.store.services.get(service);
  caller.require(capability, { team: known?.owner.team ?? owner.team, service });
  const registered = known ?? (registers !== null ? await desk.store.services.register(service, owner) : { owner });
  if (registered.owner.team === owner.team) return;
  const both = [registered.owner.team, owner.team].every((team) => caller.may('administer', { team, service }));
  if (!both)
    throw new HaldaneError(
      'forbidden',
      `${service.service} in ${service.environment} belongs to team ${registered.owner.team}, but its file says ${owner.team}; an admin of both teams moves it`,
    );
  if (registers !== null) await desk.store.services.move(service, owner, registers.watched);
}
