import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { HaldaneClient, type ReportFormat, reportFormats } from '@haldane/client';
import { HaldaneError, type Run, systemClock } from '@haldane/core';
import { comparisonText, confirm, markVerdict, planText, recompute, replayReport } from '@haldane/reports';
import { type Config, type Stack, startStack, sweepAccount, sweepLocal, tryReceiver, unreadSettings } from '@haldane/standalone';
import { Command, Option } from 'commander';
import { addBisectCommand } from './bisect/bisect-command.ts';
import { addBundleCommands } from './bundle-commands.ts';
import { addChoiceCommands } from './choice-commands.ts';
import { type Connection, connect, connectTo, running } from './connect.ts';
import { controlCommands } from './control-commands.ts';
import { exitCodeOf, exitCodes } from './exit-code.ts';
import { follow, type Interrupts } from './follow.ts';
import { addGateCommands } from './gate-commands.ts';
import { parseShare, parseWhole } from './option-values.ts';
import { addPeopleCommands } from './people-commands.ts';
import { addPipelineCommands } from './pipeline-commands.ts';
import { addPoolCommands } from './pool-commands.ts';
import { liveProgress, plainProgress, progressLine } from './progress.ts';
import { readSpec, readText } from './read-spec.ts';

/** What the commands need of the process that they run in. */
export type Terminal = {
  readonly out: NodeJS.WriteStream;
  readonly err: NodeJS.WriteStream;
  readonly interrupts: Interrupts;
  /** Configuration from the environment, with the data folder replaced when one is named. */
  readonly config: (dataDir: string | undefined) => Config;
};

/** The `haldane` command. Each action resolves to the exit status. */
export function program(terminal: Terminal, exit: (code: number) => void): Command {
  const { out, err } = terminal;
  const say = (words: string) => void err.write(`${words}\n`);
  const haldane = new Command('haldane')
    .description('Would we survive this attack, and would we notice? Security chaos experiments, run as canaries.')
    .option(
      '--data <folder>',
      'where Haldane keeps its database and its instances (default: HALDANE_DATA or the state folder of this user)',
    )
    .option('--server <url>', 'a Haldane elsewhere (default: HALDANE_SERVER, or else the one of the data folder)')
    .showSuggestionAfterError(true)
    .showHelpAfterError('(haldane --help lists the commands)')
    .exitOverride();
  const config = () => terminal.config(haldane.opts<{ data?: string }>().data);
  const server = () => haldane.opts<{ server?: string }>().server ?? config().env['HALDANE_SERVER'] ?? null;
  /** A start says what it has no use for. */
  const tellUnread = () => unreadSettings(config().env).forEach(say);
  const withClient = async (work: (connection: Connection) => Promise<number>) => {
    const address = server();
    const connection = await (address === null ? connect(config()) : connectTo(address, config().env));
    if (connection.ownStack) tellUnread();
    try {
      exit(await work(connection));
    } finally {
      await connection.close();
    }
  };

  haldane
    .command('plan')
    .description('print what an experiment would do; touches nothing')
    .argument('<file>', 'the experiment')
    .option('--json', 'as JSON')
    .option('--find <share>', 'say what finding so many failing requests takes, like 1%')
    .action((file: string, options: { json?: true; find?: string }) =>
      withClient(async ({ client }) => {
        const plan = await client.plan(resolve(file), options.find === undefined ? undefined : parseShare('--find', options.find));
        out.write(options.json ? `${JSON.stringify(plan, null, 2)}\n` : planText(plan));
        return plan.refusals.length > 0 ? exitCodes.refused : 0;
      }),
    );

  haldane
    .command('run')
    .description('run an experiment and show it; exits 0 resilient, 1 vulnerable, 3 inconclusive, 4 invalid, 5 refused, 6 not put back')
    .argument('<file>', 'the experiment')
    .option('--without-fault', 'a rehearsal: everything happens but the harmful change')
    .option('--key <key>', 'the same key again shows the first run instead of starting another')
    .addOption(new Option('--report <format>', 'what to print at the end').choices(reportFormats).default('terminal'))
    .option('--output <file>', 'write the report there instead')
    .action((file: string, options: { withoutFault?: true; key?: string; report: ReportFormat; output?: string }) =>
      withClient(async ({ client }) => {
        const run = await client.create({
          file: resolve(file),
          ...(options.withoutFault ? { fault: false } : {}),
          ...(options.key === undefined ? {} : { key: options.key }),
        });
        say(`run ${run.id} of ${run.experiment.name}`);
        const progress = err.isTTY ? liveProgress(err) : plainProgress(err);
        const ended = await follow(client, run, progress, terminal.interrupts, say);
        const report = await client.report(run.id, options.report);
        if (options.output === undefined) out.write(report.endsWith('\n') ? report : `${report}\n`);
        else await writeFile(options.output, report);
        if (ended.stop !== null) say(`stopped: ${ended.stop.reason} (${ended.stop.why})`);
        return exitCodeOf(ended);
      }),
    );

  haldane
    .command('abort')
    .description('stop a run; everything is put back')
    .argument('<run>')
    .option('--why <words>', 'for the record', 'stopped by a person at the command line')
    .action((id: string, options: { why: string }) =>
      withClient(async ({ client }) => {
        const run = await client.abort(id, options.why);
        say(run.phase === 'done' ? `run ${id} is already over` : `run ${id} is being stopped (it is ${run.phase})`);
        return 0;
      }),
    );

  haldane
    .command('report')
    .description('print the report of a run, or derive its verdict again from exported evidence alone')
    .argument('[run]', 'the run (default: the newest)')
    .addOption(new Option('--format <format>', 'how').choices(reportFormats).default('terminal'))
    .option('--recompute [file]', 'judge the stored evidence again (or that of a JSON report) and compare')
    .option('--confirms <run>', 'judge it as the confirmation, on fresh arms, of this one earlier run')
    .action((id: string | undefined, options: { format: ReportFormat; recompute?: true | string; confirms?: string }) =>
      typeof options.recompute === 'string'
        ? readFile(options.recompute, 'utf8').then((text) => exit(again(text, out)))
        : withClient(async ({ client }) => {
            const run = await (id === undefined ? newest(await client.runs(1)) : client.run(id));
            if (options.confirms !== undefined) {
              const verdict = confirm(await client.report(run.id, 'json'), await client.report(options.confirms, 'json'));
              out.write(
                `${markVerdict(verdict)}\nconfirms run ${options.confirms}; together the evidence is enough to ${verdict.record.strength}\n`,
              );
              return 0;
            }
            if (options.recompute === true) return again(await client.report(run.id, 'json'), out);
            const report = await client.report(run.id, options.format);
            out.write(report.endsWith('\n') ? report : `${report}\n`);
            return 0;
          }),
    );

  haldane
    .command('rehearse')
    .description('run an experiment thousands of times on a virtual clock and print how often the judge errs; touches nothing')
    .argument('<file>', 'the experiment')
    .option('--runs <n>', 'runs of each situation', '500')
    .option('--seed <n>', 'the same seed gives the same numbers', '1')
    .option('--rate <n>', 'requests a second on the route (default: traffic of the file)')
    .option('--effects <shares>', 'failure rates that should be found', '2%,5%,20%')
    .action(async (file: string, options: { runs: string; seed: string; rate?: string; effects: string }) => {
      const wishes = {
        runs: parseWhole('--runs', options.runs, 1, 100_000),
        seed: parseWhole('--seed', options.seed, 0, 2 ** 31),
        rate: options.rate === undefined ? undefined : parseWhole('--rate', options.rate, 1, 1_000_000),
        effects: options.effects.split(',').map((one) => parseShare('--effects', one)),
      };
      const line = progressLine(err);
      const { rehearseFile } = await import('./rehearse.ts');
      out.write(await rehearseFile(resolve(file), config().env, wishes, line.show).finally(line.end));
      exit(0);
    });

  haldane
    .command('replay')
    .description('judge a stored run again under the criteria of another experiment file, and show both verdicts')
    .argument('<run>', 'the run, or a JSON report of one')
    .requiredOption('--with <file>', 'the other experiment')
    .action(async (run: string, options: { with: string }) => {
      const spec = await readSpec(resolve(options.with), config().env);
      const compare = (text: string) => void out.write(comparisonText(replayReport(text, spec)));
      if (run.endsWith('.json')) {
        compare(await readText(run));
        return exit(0);
      }
      await withClient(async ({ client }) => {
        compare(await client.report(run, 'json'));
        return 0;
      });
    });

  haldane
    .command('scenarios')
    .description('list what Haldane can do to a service, and how each is undone')
    .action(() =>
      withClient(async ({ client }) => {
        for (const one of await client.scenarios())
          out.write(
            `${one.id}  (version ${one.version})\n  ${one.title}\n  when ${one.when}\n  then ${one.expects}\n  undone: ${one.undo}\n  noticed by: ${one.detection}\n\n`,
          );
        return 0;
      }),
    );

  haldane
    .command('sweep')
    .description('show what is past its expiry or has lost its owner; with --end, end it')
    .option('--end', 'end it')
    .option('--aws', 'in the AWS account of HALDANE_AWS_REGION, by the tags there, instead of on this machine')
    .action(async (options: { end?: true; aws?: true }) => {
      const end = options.end === true;
      const rows = await (options.aws === true ? sweepAccount(config(), systemClock.now(), end) : sweepLocal(config(), end));
      for (const row of rows) out.write(`${row.action}  ${row.what}${row.runId === null ? '' : `  (run ${row.runId})`}\n`);
      if (rows.length === 0) out.write('nothing is past its expiry\n');
      exit(0);
    });

  controlCommands(haldane, withClient, out);
  addGateCommands(haldane, { out, say, withClient, exit });
  addChoiceCommands(haldane, { out, env: () => config().env, withClient });
  addBisectCommand(haldane, { out, err, say, config, server, interrupts: terminal.interrupts, exit });
  addBundleCommands(haldane, { out, say, config, withClient, exit });
  addPipelineCommands(haldane, { out, say, server, exit });
  addPoolCommands(haldane, { out, say, config, interrupts: terminal.interrupts, exit });

  haldane
    .command('notify')
    .description('try a receiver of haldane.notify.yaml: sends it one message and says what it answered')
    .argument('<receiver>')
    .action(async (receiver: string) => {
      await tryReceiver(config(), receiver);
      out.write(`${receiver} has it\n`);
      exit(0);
    });

  haldane
    .command('up')
    .description('start Haldane and leave it running; other commands find it by its data folder')
    .argument('[manifests...]', 'services to start and put behind their routes')
    .action(async (manifests: string[]) => {
      const alive = await running(config());
      const { pool } = config();
      const stack = alive === null ? await startStack({ ...config(), ephemeral: false }) : null;
      const client = alive ?? new HaldaneClient((stack as Stack).access);
      if (stack !== null) tellUnread();
      for (const file of manifests) {
        const deployed = await client.deploy(resolve(file));
        out.write(`${deployed.service} (${deployed.environment}) at ${deployed.revision} answers at ${deployed.address}\n`);
      }
      if (stack === null) {
        say(manifests.length > 0 ? 'deployed to the Haldane that is already up' : 'Haldane is already up for this data folder');
        return exit(0);
      }
      out.write(`Haldane answers at ${stack.access.address}; stop it with Ctrl-C\n`);
      let asked = false;
      await new Promise<void>((done) => {
        const stop = () => {
          say(
            asked
              ? 'still putting everything back; this cannot be cut short'
              : `stopping: runs are ${pool === undefined ? '' : `handed to another Haldane of pool ${pool} or `}put back, and the services that were started here end`,
          );
          asked = true;
          done();
        };
        terminal.interrupts.on('SIGINT', stop);
        terminal.interrupts.on('SIGTERM', stop);
      });
      await stack.stop();
      exit(0);
    });

  addPeopleCommands(haldane, { out, say, config, server, withClient, exit });
  return haldane;
}

function newest(runs: readonly Run[]): Run {
  const run = runs[0];
  if (run === undefined) throw new HaldaneError('not-found', 'there is no run yet; `haldane run FILE` makes one');
  return run;
}

/** Judges exported evidence again and says whether the same came out. */
function again(text: string, out: NodeJS.WritableStream): number {
  const { same, verdict, otherJudge } = recompute(text);
  const differs = otherJudge ?? 'RECOMPUTED DIFFERENTLY: the stored verdict does not follow from this evidence';
  const words = same ? 'recomputed from the evidence alone: the same verdict, number by number' : differs;
  out.write(`${markVerdict(verdict)}\n${words}\n`);
  return same ? 0 : exitCodes.invalid;
}
