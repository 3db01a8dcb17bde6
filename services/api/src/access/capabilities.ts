import type { Role } from '@haldane/core';

/** What a role lets one do to the services of its team. No role holds what another is there to check: who runs does not approve. */
export const capabilities = {
  read: ['viewer', 'operator', 'approver', 'risk-owner', 'admin'],
  run: ['operator', 'admin'],
  /** Stopping is cheap: whoever answers for a run may end it. */
  abort: ['operator', 'approver', 'risk-owner', 'admin'],
  approve: ['approver'],
  'accept-risk': ['risk-owner'],
  administer: ['admin'],
} as const satisfies Record<string, readonly Role[]>;

export type Capability = keyof typeof capabilities;

export function holds(role: Role, capability: Capability): boolean {
  return (capabilities[capability] as readonly Role[]).includes(role);
}
