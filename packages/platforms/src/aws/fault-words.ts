import type { TwinFault } from '@haldane/core';

const everybody = '0.0.0.0/0';

/** What is done at a twin, as a plan says it: "opens port 22 to 0.0.0.0/0 at ...". */
export function faultWords(fault: TwinFault): string {
  switch (fault.mode) {
    case 'open-port':
      return `opens port ${fault.port} to ${fault.from}`;
    case 'open-bucket':
      if (fault.to === null) return 'writes a policy that refuses requests without TLS';
      return `takes the block on public access off and lets ${fault.to === everybody ? 'everybody' : fault.to} read`;
    case 'colliding-right':
      return fault.effect === 'deny' ? 'denies a right that is allowed' : 'allows once more a right that is allowed';
    case 'all-rights':
      return `attaches ${{ account: 'the policy AdministratorAccess', own: 'a policy of all rights to a bucket that is not there', nothing: 'a policy that denies everything' }[fault.to]}`;
    case 'stopped-trail':
      return fault.by === 'stopping' ? 'stops recording' : 'signs what is recorded';
  }
}
