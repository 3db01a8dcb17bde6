import { resolve } from 'node:path';
import { checkChain, serverOf } from '@haldane/client';
import { type Act, HaldaneError, type Role, type Run, type RunEvent, roles } from '@haldane/core';
import { lifeOf, lifeText } from '@haldane/reports';
import { type Config, publishedHeads, type RouterAddress, readHeads } from '@haldane/standalone';
import { type Command, Option } from 'commander';
import { type Connection, running } from './connect.ts';
import { keepToken } from './credentials.ts';
import { drill } from './drill.ts';
import { exitCodes } from './exit-code.ts';
import { haltAll, liftAll } from './halt.ts';
import { parseWhole } from './option-values.ts';
import { remote } from './remote.ts';

export type CommandContext = {
  readonly out: NodeJS.WritableStream;
  readonly say: (words: string) => void;
  readonly config: () => Config;
  /** The address given with --server, or null for the Haldane of the data folder. */
  readonly server: () => string | null;
  readonly withClient: (work: (connection: Connection) => Promise<number>) => Promise<void>;
  readonly exit: (code: number) => void;
};

const stamp = (at: number) => new Date(at).toISOString();

/** Adds the commands by which many people share one Haldane: who they are, what they may, what they did, and the switch for all. */
export function addPeopleCommands(haldane: Command, context: CommandContext): void {
  const { out, say, config, server, withClient, exit } = context;
  const line = (...words: readonly (string | number)[]) => void out.write(`${words.join('  ')}\n`);

  haldane
    .command('login')
    .description('get a token for the Haldane at --server, and keep it for this user')
    .option('--issuer <url>', 'who logs people in (OpenID Connect)')
    .option('--client <id>', 'how Haldane is known to the issuer', 'haldane')
    .option('--ci', 'with the login that GitHub Actions signs for this job')
    .option('--token-stdin', 'keep the token that is given on standard input')
    .action(async (options: { issuer?: string; client: string; ci?: true; tokenStdin?: true }) => {
      const address = server();
      if (address === null)
        throw new HaldaneError('bad-request', 'login: name the Haldane with --server; the one on this machine needs no login');
      const where = serverOf(address);
      const { env } = config();
      if (options.tokenStdin === true) {
        let secret = '';
        for await (const part of process.stdin) secret += String(part);
        const me = await (await remote(where, { ...env, HALDANE_TOKEN: secret.trim() })).me();
        say(`you are ${me.subject}; the token is in ${await keepToken(where, secret.trim(), me.expiresAt, env)}`);
        return exit(0);
      }
      const { issuer } = options;
      if (options.ci !== true && issuer === undefined)
        throw new HaldaneError(
          'bad-request',
          'login: say how, with --issuer URL (a person), --ci (a job of GitHub Actions) or --token-stdin',
        );
      const signed =
        options.ci === true
          ? await (await import('@haldane/pipelines')).jobLogin(where, env)
          : await (await import('./login.ts')).personLogin({ url: issuer ?? '', clientId: options.client }, (page) =>
              say(`log in here:\n${page}`),
            );
      const made = await (await remote(where, { ...env, HALDANE_TOKEN: 'none-yet' })).exchangeLogin(signed);
      const path = await keepToken(where, made.secret, made.token.expiresAt, env);
      say(`you are ${made.token.subject} until ${stamp(made.token.expiresAt)}; the token is in ${path}`);
      exit(0);
    });

  haldane
    .command('services')
    .description('list the services that you may read, and whose they are')
    .action(() =>
      withClient(async ({ client }) => {
        const all = await client.services();
        if (all.length === 0) line('no service is registered that you may read; haldane up registers one');
        for (const { service, environment, owner } of all) line(service, environment, owner.team, owner.contact);
        return 0;
      }),
    );

  haldane
    .command('runs')
    .description('list runs, newest first, or tell the life of one from its events')
    .argument('[run]')
    .option('--limit <n>', 'how many', '20')
    .action((id: string | undefined, options: { limit: string }) =>
      withClient(async ({ client }) => {
        if (id !== undefined) {
          const events: RunEvent[] = [];
          const { phase } = await client.run(id);
          for await (const event of client.events(id, 0, AbortSignal.timeout(60_000))) {
            events.push(event);
            if (phase !== 'done' && event.type === 'phase' && event.data['phase'] === phase) break;
          }
          out.write(lifeText(lifeOf(events)));
          return 0;
        }
        const runs = await client.runs(parseWhole('--limit', options.limit, 1, 200));
        if (runs.length === 0) line('there is no run yet that you may read');
        for (const run of runs) line(run.id, `${run.service} in ${run.environment}`, run.phase, ...endOf(run));
        return 0;
      }),
    );

  haldane
    .command('halt')
    .description('stop every run and let none begin: by the switch in the database, and by telling every router directly')
    .option('--why <words>', 'for the record', 'halted at the command line')
    .option('--lift', 'let runs begin again')
    .option(
      '--router <url>',
      "another router's admin address, with its token in HALDANE_ROUTER_TOKEN",
      (url: string, all: readonly string[]) => [...all, url],
      [],
    )
    .option('--drill <file>', 'prove both ways on runs of this experiment, without its harmful change, and print the times')
    .action(async (options: { why: string; lift?: true; router: readonly string[]; drill?: string }) => {
      const { dataDir, env } = config();
      if (options.drill !== undefined) {
        const file = resolve(options.drill);
        return withClient(async ({ client }) => {
          const times = await drill({ client, file, dataDir, say });
          for (const [way, { usersOff, over, reason }] of Object.entries(times))
            line(
              `${way}:`,
              `users back in production after ${usersOff.toFixed(0)} ms, run over and put back after ${over.toFixed(0)} ms (${reason})`,
            );
          return 0;
        });
      }
      const routers: RouterAddress[] = options.router.map((url) => ({ url, token: env['HALDANE_ROUTER_TOKEN'] ?? '' }));
      const address = server();
      const client = address === null ? running(config()) : remote(address, env);
      await (options.lift === true ? liftAll : haltAll)({ why: options.why, client, dataDir, routers }, (words) => line(words));
      exit(0);
    });

  const audit = haldane
    .command('audit')
    .description('list who did what, oldest first')
    .option('--after <n>', 'entries after this one', '0')
    .action((options: { after: string }) =>
      withClient(async ({ client }) => {
        for await (const { seq, at, body } of client.audit(parseWhole('--after', options.after, 0, Number.MAX_SAFE_INTEGER))) {
          const act = JSON.parse(body) as Act;
          line(seq, stamp(at), act.who, act.from, act.did, act.to, act.outcome, act.code ?? '');
        }
        return 0;
      }),
    );
  audit
    .command('verify')
    .description(
      'check every entry of the audit log against the one before and against heads published outside the database; exits 4 when one byte differs',
    )
    .option('--heads <file>', 'published heads (default: those of the data folder)')
    .action((options: { heads?: string }) =>
      withClient(async ({ client }) => {
        const heads = options.heads === undefined ? await publishedHeads(config().dataDir) : await readHeads(resolve(options.heads));
        const { entries, head, wrong } = await checkChain(client.audit(), heads);
        line(
          wrong ?? `${entries} entries, each as it was written; the head is ${head.hash}; compared with ${heads.length} published heads`,
        );
        return wrong === null ? 0 : exitCodes.invalid;
      }),
    );

  const tokens = haldane
    .command('tokens')
    .description('list the tokens of the teams that you administer')
    .action(() =>
      withClient(async ({ client }) => {
        const all = await client.tokens();
        if (all.length === 0) line('there is no token of a team that you administer');
        for (const token of all) {
          const state = token.revokedAt !== null ? 'ended' : `until ${stamp(token.expiresAt)}`;
          line(token.id, token.subject, token.grants.map(({ role, team }) => `${role} of ${team}`).join(', '), state);
        }
        return 0;
      }),
    );
  tokens
    .command('make')
    .description('make a token; its secret is printed this once')
    .argument('<subject>', 'whom it stands for')
    .addOption(new Option('--role <role>', 'what they may').choices(roles).makeOptionMandatory())
    .requiredOption('--team <team>', 'where; * is every team')
    .option('--days <n>', 'how long it opens', '30')
    .option('--service <name...>', 'narrow it to these services')
    .option('--environment <name...>', 'narrow it to these environments')
    .option('--operation <id...>', 'narrow it to these operations of the API')
    .action(
      (
        subject: string,
        options: { role: Role; team: string; days: string; service?: string[]; environment?: string[]; operation?: string[] },
      ) =>
        withClient(async ({ client }) => {
          const { service, environment, operation } = options;
          const { token, secret } = await client.makeToken({
            subject,
            grants: [{ role: options.role, team: options.team }],
            lives: parseWhole('--days', options.days, 1, 366) * 86_400,
            scope: {
              ...(service && { services: service }),
              ...(environment && { environments: environment }),
              ...(operation && { operations: operation }),
            },
          });
          say(
            `token ${token.id} of ${token.subject} opens until ${stamp(token.expiresAt)}; this is the only time that its secret is shown:`,
          );
          out.write(`${secret}\n`);
          return 0;
        }),
    );
  tokens
    .command('end')
    .description('end a token')
    .argument('<token>', 'its id')
    .action((id: string) =>
      withClient(async ({ client }) => {
        say(`token ${(await client.revokeToken(id)).id} opens nothing any more`);
        return 0;
      }),
    );
}

function endOf({ stop, facts }: Run): readonly string[] {
  return [stop?.reason ?? '', facts.verdict?.verdict ?? ''];
}
