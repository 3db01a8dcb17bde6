import { HaldaneError } from '@haldane/core';
import { allowPool, type Config, forbidPool, poolRoles, requirePoolName, startRunner, unreadSettings } from '@haldane/standalone';
import type { Command } from 'commander';
import type { Interrupts } from './follow.ts';

export type PoolContext = {
  readonly out: NodeJS.WritableStream;
  readonly say: (words: string) => void;
  readonly config: () => Config;
  readonly interrupts: Interrupts;
  readonly exit: (code: number) => void;
};

/** Adds what is done about pools: their runners, and the roles that these connect with. All of it goes to the database of DATABASE_URL. */
export function addPoolCommands(haldane: Command, { out, say, config, interrupts, exit }: PoolContext): void {
  haldane
    .command('runner')
    .description('drive the runs of a pool, and do nothing else; any number of them, on any machines, share the work')
    .option('--pool <name>', 'whose runs (default: HALDANE_POOL)')
    .action(async (options: { pool?: string }) => {
      const { pool = config().pool } = options;
      if (pool === undefined) throw new HaldaneError('bad-request', '--pool: say whose runs to drive, like payments-team');
      requirePoolName('--pool', pool);
      const runner = await startRunner({ ...config(), pool });
      for (const line of unreadSettings(config().env)) say(line);
      out.write(`a runner of pool ${pool} is at work; how it is, it answers at ${runner.address}/readyz; end it with Ctrl-C\n`);
      let asked = false;
      await new Promise<void>((done) => {
        const stop = () => {
          say(asked ? 'still leaving; this cannot be cut short' : `leaving: runs go to another runner of pool ${pool} or are put back`);
          asked = true;
          done();
        };
        interrupts.on('SIGINT', stop);
        interrupts.on('SIGTERM', stop);
      });
      await runner.stop();
      exit(0);
    });

  const pools = haldane
    .command('pools')
    .description('list the PostgreSQL roles that are runners of pools')
    .action(async () => {
      const all = await poolRoles(config());
      out.write(all.length === 0 ? 'no role is the runner of a pool\n' : all.map(({ role, pool }) => `${role}  ${pool}\n`).join(''));
      exit(0);
    });
  pools
    .command('make')
    .description("make a PostgreSQL role that sees and drives this pool's runs only; its address is printed this once")
    .argument('<pool>', 'lower-case letters, digits and dashes')
    .option('--role <role>', 'what to call it; one that is there keeps its password (default: haldane_POOL)')
    .action(async (pool: string, options: { role?: string }) => {
      requirePoolName('<pool>', pool);
      const { role = `haldane_${pool.replaceAll('-', '_')}` } = options;
      if (!/^[a-z_][a-z0-9_]{0,62}$/.test(role))
        throw new HaldaneError(
          'bad-request',
          `--role: "${role}" is no name of a role; write up to 63 lower-case letters, digits and underscores`,
        );
      const address = await allowPool(config(), { role, pool });
      if (address === null) say(`role ${role} is a runner of pool ${pool} from now on, with the password that it has`);
      else {
        say(`role ${role} is a runner of pool ${pool}; this is the only time that its address is shown:`);
        out.write(`${address}\n`);
      }
      say(`on the pool's machines: DATABASE_URL=that address haldane runner --pool ${pool}`);
      exit(0);
    });
  pools
    .command('end')
    .description('take every right of a runner from a role; the role itself stays')
    .argument('<role>')
    .action(async (role: string) => {
      await forbidPool(config(), role);
      say(`role ${role} drives and sees no run any more`);
      exit(0);
    });
}
