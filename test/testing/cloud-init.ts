import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AwsCalls } from '@haldane/platforms';

export type CloudInit = {
  /** An instance of the target group, in turn, once its service answers. */
  serving(targetGroup: string): Promise<{ readonly host: string; readonly port: number }>;
  /** What instances have said, for whoever wonders why one does not serve. */
  said(): string;
  close(): Promise<void>;
};

const lookEveryMs = 200;
const never = new AbortController().signal;

/**
 * Plays the machines that an account says it runs: each instance of a group begins, in its own folder and at its own loopback address, with
 * the scripts of its template's user data, as cloud-init orders them, and ends when the account has it no more. Services listen on 8080.
 */
export function cloudInit({ groups, balancing, templates }: AwsCalls, folder: string, names: () => readonly string[]): CloudInit {
  const machines = new Map<string, { readonly address: string; readonly child: ChildProcess }>();
  const turns = new Map<string, number>();
  const known = new Map<string, Promise<readonly string[]>>();
  let words = '';
  let stopped = false;
  const begin = async (id: string, address: string, scripts: readonly string[]) => {
    const home = join(folder, id);
    await mkdir(home, { recursive: true });
    const files = await Promise.all(
      scripts.map(async (text, index) => {
        const file = join(home, `script-${index}`);
        await writeFile(file, text, { mode: 0o700 });
        return file;
      }),
    );
    // A machine is a group of processes: its end is the end of all of them.
    const env = { ...process.env, HALDANE_DIR: join(home, 'etc'), HALDANE_ADDRESS: address, HOST: address };
    const child = spawn('/bin/sh', ['-ec', 'for one in "$@"; do "$one"; done', 'init', ...files], { env, detached: true });
    const hear = (chunk: Buffer) => {
      words = `${words}${id} (${address}): ${chunk}`.slice(-10_000);
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    machines.set(id, { address, child });
  };
  const look = async () => {
    const found = (await Promise.all(names().map((name) => groups.group(name, never)))).flatMap((group) => group ?? []);
    const alive = new Set(found.flatMap((group) => group.instances.map((one) => one.id)));
    for (const [id, { child }] of machines) if (!alive.has(id)) end(id, child);
    for (const { template, instances } of found) {
      const fresh = instances.map((one) => one.id).filter((id) => !machines.has(id));
      if (template === null || fresh.length === 0) continue;
      const [addresses, data] = await Promise.all([
        templates.addresses(fresh, never),
        templates.data(template.id, template.version, never),
      ]);
      const scripts = scriptsIn(Buffer.from(String(data?.['UserData'] ?? ''), 'base64').toString());
      for (const id of fresh) await begin(id, addresses.get(id) ?? '', scripts);
    }
  };
  /** Addresses of all targets of the group, once each of them answers. */
  const whole = async (targetGroup: string): Promise<readonly string[]> => {
    for (let tries = 0; tries < 600; tries += 1) {
      const group = await balancing.targetGroup(targetGroup, never);
      const targets = group === null ? [] : await balancing.health(group.arn, never);
      const hosts = targets.flatMap(({ id }) => machines.get(id)?.address ?? []);
      if (hosts.length > 0 && hosts.length === targets.length && (await Promise.all(hosts.map(answers))).every(Boolean)) return hosts;
      await sleep(100);
    }
    throw new Error(`not all instances of ${targetGroup} served: ${words}`);
  };
  function end(id: string, child: ChildProcess): void {
    machines.delete(id);
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
  const looking = (async () => {
    while (!stopped) {
      await look().catch((error: Error) => {
        words += `looking: ${error.message}\n`;
      });
      await sleep(lookEveryMs);
    }
  })();
  return {
    async serving(targetGroup) {
      const hosts = known.get(targetGroup) ?? whole(targetGroup);
      known.set(targetGroup, hosts);
      const turn = (turns.get(targetGroup) ?? 0) + 1;
      turns.set(targetGroup, turn);
      const all = await hosts;
      return { host: all[turn % all.length] ?? '', port: 8080 };
    },
    said: () => words,
    async close() {
      stopped = true;
      await looking;
      const ended = [...machines].map(async ([id, { child }]) => {
        const gone = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : null;
        end(id, child);
        await gone;
      });
      await Promise.all(ended);
    },
  };
}

function answers(address: string): Promise<boolean> {
  return fetch(`http://${address}:8080/healthz`).then(
    (answer) => answer.ok,
    () => false,
  );
}

/** The scripts in user data, those with a name of their own in the order of names before what cloud-init names itself. */
function scriptsIn(userData: string): readonly string[] {
  const boundary = /boundary="([^"]+)"/.exec(userData)?.[1];
  if (boundary === undefined) return userData.startsWith('#!') ? [userData] : [];
  return userData
    .split(`--${boundary}`)
    .slice(1, -1)
    .map((part, index) => {
      const end = part.indexOf('\n\n');
      return { name: /filename="([^"]+)"/.exec(part.slice(0, end))?.[1] ?? `part-${index}`, text: part.slice(end + 2) };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ text }) => text);
}
