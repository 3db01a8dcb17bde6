import { HaldaneError } from '@haldane/core';

/** A rule of a listener by names that people use: `payments-alb:443` is the default rule, `payments-alb:443/10` the one with priority 10. */
export type RouteName = { readonly loadBalancer: string; readonly port: number; readonly priority: number | null };

/** Throws `bad-request` for a name that is none. */
export function parseRouteName(route: string): RouteName {
  const found = /^([A-Za-z0-9-]{1,32}):(\d{1,5})(?:\/(\d{1,5}))?$/.exec(route);
  if (!found?.[1])
    throw new HaldaneError(
      'bad-request',
      `"${route}" names no rule of a listener; write balancer:port or balancer:port/priority, like payments-alb:443/10`,
    );
  return { loadBalancer: found[1], port: Number(found[2]), priority: found[3] === undefined ? null : Number(found[3]) };
}
