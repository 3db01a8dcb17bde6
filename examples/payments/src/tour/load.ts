import { type Child, startChild } from '../process/child.ts';
import type { PaymentsEnvironment } from '../surroundings.ts';

/** Users of a service: 200 requests a second from 400 people who keep their cookies, until `stop`. */
export async function startLoad(address: string, name: string, output: string, env: PaymentsEnvironment): Promise<Child> {
  return startChild({
    name: `load on ${name}`,
    main: new URL('../load/main.js', import.meta.url),
    env: { ...env, LOAD_URL: address, LOAD_RATE: '200', LOAD_USERS: '400' },
    output,
    readyWithinMs: 60_000,
  });
}
