import { createPublicKey, type KeyObject } from 'node:crypto';
import { stat, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { checkExcerpt } from '@haldane/client';
import { type AuditHead, HaldaneError, hasCode, messageOf } from '@haldane/core';
import { type Bundle, bundleOf, opened, recomputed } from '@haldane/reports';
import { type Config, knownKeys, publishedHeads, readHeads } from '@haldane/standalone';
import type { Command } from 'commander';
import type { Connection } from './connect.ts';
import { exitCodes } from './exit-code.ts';
import { readText } from './read-spec.ts';

type BundleContext = {
  readonly out: NodeJS.WritableStream;
  readonly say: (words: string) => void;
  readonly config: () => Config;
  readonly withClient: (work: (connection: Connection) => Promise<number>) => Promise<void>;
  readonly exit: (code: number) => void;
};

/** An hour's run has some 30 MB; what is far larger is something else. */
const mostBytes = 256 * 1024 * 1024;

/** Adds what hands the evidence of a run out, signed, and what checks it anywhere. */
export function addBundleCommands(haldane: Command, { out, say, config, withClient, exit }: BundleContext): void {
  haldane
    .command('export')
    .description('write all that the verdict of a run rests on as one signed file, for haldane verify')
    .argument('<run>')
    .option('-o, --output <file>', 'where to (default: RUN.bundle.json; - is standard output)')
    .action((id: string, { output }: { output?: string }) =>
      withClient(async ({ client }) => {
        const bundle = await client.bundle(id);
        if (output === '-') {
          out.write(bundle);
          return 0;
        }
        const path = resolve(output ?? `${id}.bundle.json`);
        await writeFile(path, bundle, { mode: 0o600 });
        say(`${path} is signed; haldane verify checks it anywhere, with the public key that haldane keys prints`);
        return 0;
      }),
    );

  haldane
    .command('keys')
    .description('print the public key that signs bundles here, and those that did before (PEM)')
    .action(() =>
      withClient(async ({ client }) => {
        for (const { id, publicKey, since, signs } of await client.signingKeys())
          out.write(`# ${id}, since ${new Date(since).toISOString()}${signs ? '' : ', signs no more'}\n${publicKey}`);
        return 0;
      }),
    );

  haldane
    .command('verify')
    .description(
      'check a bundle: its signature, each digest, the audit log in it, and its verdict, which is derived again from the evidence; asks nobody; exits 4 when anything is wrong',
    )
    .argument('<file>', 'what haldane export wrote')
    .option('--key <file>', 'public keys to believe, PEM (default: those of the data folder, which haldane keys prints)')
    .option('--heads <file>', 'published heads of the audit log to compare with (default: those of the data folder, with its keys)')
    .action(async (file: string, options: { key?: string; heads?: string }) => {
      const { dataDir } = config();
      const keys = await keysOf(options.key, dataDir);
      // Heads of this data folder are of its own log: another's key means another's log.
      const heads = await (options.heads !== undefined
        ? readHeads(resolve(options.heads))
        : options.key === undefined
          ? publishedHeads(dataDir)
          : []);
      const text = await readBundle(resolve(file));
      try {
        for (const line of verified(text, keys, heads)) out.write(`${line}\n`);
        exit(0);
      } catch (error) {
        if (!hasCode(error, 'bad-document')) throw error;
        out.write(`WRONG: ${messageOf(error)}\n`);
        exit(exitCodes.invalid);
      }
    });
}

/** What a bundle says and how that was checked, a line each. Throws `bad-document` at the first thing that is wrong. */
export function verified(text: string, keys: readonly KeyObject[], heads: readonly AuditHead[]): readonly string[] {
  const { statement, keyId } = opened(text, keys);
  const { report, events, audit } = bundleOf(statement);
  const { run, journal, evidence } = report;
  const brokenAt = checkExcerpt(audit, heads);
  if (brokenAt !== null) throw new HaldaneError('bad-document', brokenAt);
  const about = audit.filter((entry) => 'body' in entry).length;
  const compared = audit.filter((entry) => heads.some((head) => head.seq === entry.seq)).length;
  const last = audit.at(-1);
  return [
    `run ${run.id} of ${run.experiment.name}, ${run.service} in ${run.environment} at ${run.facts.deployment?.revision ?? 'no revision'}`,
    `signed by key ${keyId}`,
    `whole: ${evidence.blocks.length} seconds of evidence, ${journal.length} changes, ${events.length} events`,
    last === undefined
      ? 'audit log: empty'
      : `audit log: ${about} entries about this run, in a chain up to entry ${last.seq}: ${last.hash}; ${compared} compared with published heads`,
    verdictLine(report),
  ];
}

function verdictLine(report: Bundle['report']): string {
  const { stop, facts } = report.run;
  if (facts.verdict === undefined) return `verdict: none (${stop?.reason ?? 'not judged'}: ${stop?.why ?? ''})`;
  const { verdict, same, otherJudge } = recomputed(report);
  if (same) return `verdict: ${verdict.verdict}, the same when derived again from the evidence: ${verdict.headline}`;
  throw new HaldaneError(
    'bad-document',
    otherJudge ?? `the stored verdict (${facts.verdict.verdict}) does not follow from this evidence, which gives ${verdict.verdict}`,
  );
}

async function keysOf(file: string | undefined, dataDir: string): Promise<readonly KeyObject[]> {
  const text = file === undefined ? (await knownKeys(dataDir)).map((one) => one.publicKey).join('') : await readText(resolve(file));
  const blocks = text.match(/-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----/g) ?? [];
  if (blocks.length === 0)
    throw new HaldaneError(
      'bad-request',
      file === undefined
        ? '--key: name the file with the public key that you believe, as `haldane keys` printed it where the run was; this data folder has none'
        : `--key: ${file} holds no public key (PEM, -----BEGIN PUBLIC KEY-----)`,
    );
  return blocks.map((block) => {
    try {
      return createPublicKey(block);
    } catch (cause) {
      throw new HaldaneError('bad-request', `--key: a key there cannot be read: ${messageOf(cause)}`, { cause });
    }
  });
}

async function readBundle(path: string): Promise<string> {
  const { size } = await stat(path).catch(() => ({ size: 0 }));
  if (size > mostBytes)
    throw new HaldaneError('bad-request', `${path} has ${size} bytes, and no bundle more than ${mostBytes}: it is something else`);
  return readText(path);
}
