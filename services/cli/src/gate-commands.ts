import { type GateAnswer, gateModes, HaldaneError, hasCode } from '@haldane/core';
import { type Command, Option } from 'commander';
import type { Connection } from './connect.ts';
import { exitCodes } from './exit-code.ts';
import { parseWhole } from './option-values.ts';

export type GateContext = {
  readonly out: NodeJS.WritableStream;
  readonly say: (words: string) => void;
  readonly withClient: (work: (connection: Connection) => Promise<number>) => Promise<void>;
  readonly exit: (code: number) => void;
};

/** Adds the commands by which a pipeline asks whether it may go on, and people say what it is told. */
export function addGateCommands(haldane: Command, { out, say, withClient, exit }: GateContext): void {
  haldane
    .command('gate')
    .description('ask whether a pipeline may go on with a revision; exits 0 when it may (also with a warning), 1 when it is held')
    .argument('<service>')
    .requiredOption('--revision <revision>', 'what is to go live')
    .option('--environment <name>', 'where', 'production')
    .option('--live <revision>', 'what is live there now: what is new is told by it, and the way back to it stays open')
    .addOption(
      new Option('--if-unreachable <what>', 'what holds when Haldane does not answer').choices(['allow', 'block']).default('allow'),
    )
    .option('--json', 'as JSON')
    .action(async (service: string, options: GateOptions) => {
      const { revision, environment, live, ifUnreachable, json } = options;
      try {
        await withClient(async ({ client }) => {
          const answer = await client.gate({ service, environment }, { revision, ...(live === undefined ? {} : { live }) });
          out.write(json ? `${JSON.stringify(answer, null, 2)}\n` : gateText(answer));
          return answer.decision === 'block' ? exitCodes.vulnerable : 0;
        });
      } catch (error) {
        if (!hasCode(error, 'unavailable')) throw error;
        // Never silently: whoever reads the log of the deploy sees that nobody looked.
        say(
          `GATE NOT ASKED: ${(error as HaldaneError).message}; ${service} in ${environment} at ${revision} ${ifUnreachable === 'allow' ? 'goes on unchecked' : 'is held'} (--if-unreachable ${ifUnreachable})`,
        );
        exit(ifUnreachable === 'allow' ? 0 : exitCodes.vulnerable);
      }
    });

  haldane
    .command('gate-mode')
    .description('say what the gate does about an experiment')
    .argument('<service>')
    .argument('<environment>')
    .argument('<experiment>')
    .argument('<mode>', gateModes.join(', '))
    .option('--debt', 'also about what the live revision has too')
    .requiredOption('--why <words>', 'for the record')
    .action((service: string, environment: string, experiment: string, written: string, { debt, why }: { debt?: true; why: string }) =>
      withClient(async ({ client }) => {
        const mode = gateModes.find((one) => one === written);
        if (mode === undefined) throw new HaldaneError('bad-request', `mode: "${written}" is none; write ${gateModes.join(', ')}`);
        const set = await client.setGateMode({ service, environment }, { experiment, mode, why, ...(debt ? { debt } : {}) });
        out.write(`${set.experiment} on ${service} in ${environment}: ${set.mode}${set.debt ? ', also of what is live already' : ''}\n`);
        return 0;
      }),
    );

  haldane
    .command('accept-risk')
    .description('accept, in your name and for a time, what an experiment finds: the gate lets it pass')
    .argument('<service>')
    .argument('<environment>')
    .argument('<experiment>')
    .requiredOption('--days <n>', 'when it expires, from now')
    .requiredOption('--why <words>', 'for the record')
    .action((service: string, environment: string, experiment: string, { days, why }: { days: string; why: string }) =>
      withClient(async ({ client }) => {
        const lives = parseWhole('--days', days, 1, 366) * 86_400;
        const { who, until } = await client.acceptRisk({ service, environment }, { experiment, lives, why });
        out.write(`${experiment} on ${service} in ${environment}: accepted by ${who} until ${new Date(until).toISOString()}\n`);
        return 0;
      }),
    );

  haldane
    .command('resolve')
    .description(
      'say, as the owner, that what an experiment found at a revision is dealt with: it is not locked any more, and the gate lets it pass',
    )
    .argument('<service>')
    .argument('<environment>')
    .argument('<experiment>')
    .argument('<revision>')
    .requiredOption('--why <words>', 'for the record')
    .action((service: string, environment: string, experiment: string, revision: string, { why }: { why: string }) =>
      withClient(async ({ client }) => {
        const { who } = await client.resolve({ service, environment }, { experiment, revision, why });
        out.write(`${experiment} on ${service} in ${environment} at ${revision}: resolved by ${who}\n`);
        return 0;
      }),
    );

  haldane
    .command('break-glass')
    .description('let one revision through the gate, in your name, whatever was found')
    .argument('<service>')
    .argument('<environment>')
    .argument('<revision>')
    .requiredOption('--why <words>', 'for the record')
    .action((service: string, environment: string, revision: string, { why }: { why: string }) =>
      withClient(async ({ client }) => {
        const { who } = await client.breakGlass({ service, environment }, revision, why);
        out.write(`${who} lets ${revision} of ${service} through the gate in ${environment}; it is in the audit log\n`);
        return 0;
      }),
    );
}

type GateOptions = {
  readonly revision: string;
  readonly environment: string;
  readonly live?: string;
  readonly ifUnreachable: 'allow' | 'block';
  readonly json?: true;
};

function gateText({ service, environment, revision, live, decision, why, findings, record }: GateAnswer): string {
  const finding = ({ mode, standing, says }: GateAnswer['findings'][number]) => `  ${standing.padEnd(12)}  ${mode.padEnd(6)}  ${says}\n`;
  const compared = live === null ? 'nothing known that is live' : `compared with ${live}`;
  const held =
    record.blocking === 0 ? '' : `held or would have held so far: ${record.blocking}, found again by a second run: ${record.confirmed}\n`;
  return `${decision}: ${why}\n${service} in ${environment} at ${revision}, ${compared}\n${findings.map(finding).join('')}${held}`;
}
