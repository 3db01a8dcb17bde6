import { resolve } from 'node:path';
import type { ScheduleView } from '@haldane/client';
import { catchUps, type Lock, type LockedRevision } from '@haldane/core';
import { type Command, Option } from 'commander';
import type { Connection } from './connect.ts';
import { parseWhole } from './option-values.ts';

type WithClient = (work: (connection: Connection) => Promise<number>) => Promise<void>;

/** Commands about what runs when, and what may. */
export function controlCommands(haldane: Command, withClient: WithClient, out: NodeJS.WritableStream): void {
  const schedules = haldane.command('schedules').description('experiments that run again and again');

  schedules
    .command('list', { isDefault: true })
    .description('list them, with what became of their newest times')
    .action(() =>
      withClient(async ({ client }) => {
        const all = await client.schedules();
        out.write(all.length === 0 ? 'nothing is scheduled\n' : all.map(scheduleText).join(''));
        return 0;
      }),
    );

  schedules
    .command('add')
    .description('run an experiment again and again')
    .argument('<name>', 'lower-case letters, digits and dashes')
    .argument('<file>', 'the experiment')
    .option('--cron <expression>', 'minute, hour, day, month and weekday, like "30 3 * * MON-FRI"')
    .option('--zone <zone>', 'the time zone that it is meant in, like Europe/Berlin (default: UTC)')
    .option('--after-deploy', 'after each deploy of the service')
    .option('--jitter <seconds>', 'begin up to so many seconds late, each schedule by its own', '0')
    .addOption(new Option('--catch-up <how>', 'what to do with times that passed while nobody was there').choices(catchUps).default('once'))
    .action(
      (
        id: string,
        file: string,
        options: { cron?: string; zone?: string; afterDeploy?: true; jitter: string; catchUp: (typeof catchUps)[number] },
      ) =>
        withClient(async ({ client }) => {
          const { cron, zone, afterDeploy, catchUp } = options;
          const jitterSeconds = parseWhole('--jitter', options.jitter, 0, 86_400);
          const { id: made } = await client.addSchedule({
            id,
            file: resolve(file),
            jitterSeconds,
            catchUp,
            ...(cron === undefined ? {} : { cron }),
            ...(zone === undefined ? {} : { zone }),
            ...(afterDeploy ? { afterDeploy } : {}),
          });
          out.write(`${made} runs as long as Haldane is up (haldane up)\n`);
          return 0;
        }),
    );

  schedules
    .command('remove')
    .argument('<name>')
    .action((id: string) =>
      withClient(async ({ client }) => {
        await client.removeSchedule(id);
        return 0;
      }),
    );

  haldane
    .command('approve')
    .description('approve, in your name, that a scenario runs on a service; a policy says how many people must')
    .argument('<service>')
    .argument('<environment>')
    .argument('<scenario>')
    .requiredOption('--why <words>', 'for the record')
    .action((service: string, environment: string, scenario: string, { why }: { why: string }) =>
      withClient(async ({ client }) => {
        const { version, approvedBy } = await client.approve(service, environment, scenario, why);
        out.write(`${scenario} (version ${version}) on ${service} in ${environment}: approved by ${approvedBy.join(', ')}\n`);
        return 0;
      }),
    );

  haldane
    .command('lock')
    .description('let nothing run on a service for a while; what runs there is put back')
    .argument('<service>')
    .argument('<environment>')
    .requiredOption('--why <words>', 'for the record and for whoever is refused')
    .option('--hours <n>', 'how long', '24')
    .action((service: string, environment: string, { why, hours }: { why: string; hours: string }) =>
      withClient(async ({ client }) => {
        out.write(lockText(await client.lock(service, environment, why, parseWhole('--hours', hours, 1, 8784))));
        return 0;
      }),
    );

  haldane
    .command('unlock')
    .description('take a lock off before it ends by itself')
    .argument('<service>')
    .argument('<environment>')
    .requiredOption('--why <words>', 'for the record')
    .action((service: string, environment: string, { why }: { why: string }) =>
      withClient(async ({ client }) => {
        const { unlocked } = await client.unlock(service, environment, why);
        out.write(`${service} in ${environment} ${unlocked ? 'is not locked any more' : 'was not locked'}\n`);
        return 0;
      }),
    );

  haldane
    .command('locks')
    .description('list the services that nothing may run on now, and the regressed revisions that nobody has answered for')
    .action(() =>
      withClient(async ({ client }) => {
        const [services, revisions] = await Promise.all([client.locks(), client.lockedRevisions()]);
        out.write([...services.map(lockText), ...revisions.map(lockedText)].join('') || 'nothing is locked\n');
        return 0;
      }),
    );
}

function scheduleText({ id, file, cron, zone, afterDeploy, times }: ScheduleView): string {
  const when = [...(cron === null ? [] : [`${cron} (${zone})`]), ...(afterDeploy ? ['after each deploy'] : [])].join(', ');
  const line = ({ due, state, runId, why }: ScheduleView['times'][number]) =>
    `  ${due}  ${state}${runId === null ? '' : ` as ${runId}`}${why === null ? '' : `: ${why}`}\n`;
  return `${id}  ${when}\n  ${file}\n${times.map(line).join('')}`;
}

function lockText({ service, environment, why, by, until }: Lock): string {
  return `${service} in ${environment} is locked by ${by} until ${new Date(until).toISOString()}: ${why}\n`;
}

function lockedText({ service, environment, experiment, revision, mode, says }: LockedRevision): string {
  const gate = mode === 'block' ? 'the gate holds it' : `the gate only says so (mode ${mode})`;
  return `${service} in ${environment}, revision ${revision}: ${says}; ${gate}\n  until a later revision passes, or: haldane resolve ${service} ${environment} ${experiment} ${revision}, or haldane accept-risk ${service} ${environment} ${experiment}\n`;
}
