import type { DependencyFault } from '@haldane/core';

const streamModes: readonly DependencyFault['mode'][] = ['refuse', 'reset', 'delay', 'hang'];

/** Why this fault cannot be made on a dependency that we see as `as`, and what to declare; null when it can. */
export function httpFaultObjection(dependency: string, as: 'http' | 'https' | 'tcp', fault: DependencyFault): string | null {
  if (as !== 'https' && (fault.mode === 'wrong-name' || fault.mode === 'expired'))
    return `the fault "${fault.mode}" on dependency ${dependency} is one of certificates, but its calls are ${as} to us: only an https dependency that declares ca has any`;
  if (as !== 'tcp' || streamModes.includes(fault.mode)) return null;
  return (
    `the fault "${fault.mode}" on dependency ${dependency} needs to answer HTTP, but its calls are a closed stream to us: for an https dependency declare ca ` +
    '(the variable that takes a file of trusted certificates), for plain http write as: http; without that only refuse, reset, delay and hang are possible'
  );
}
