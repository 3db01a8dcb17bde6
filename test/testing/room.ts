import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A folder of one test file's own, with everything that was started in it. */
export type Room = {
  readonly folder: string;
  /** A folder in it that other users may pass through, as a database's user must. */
  passable(name: string): Promise<string>;
  /** Undone in reverse order by `leave`, whatever the others do. */
  onLeave(step: () => Promise<unknown>): void;
  /** Ends what was started, removes every file, and says what could not be ended: processes that still live in this folder. */
  leave(): Promise<readonly string[]>;
};

/** Waits for the end of its input, which is the end of the test however it came, then ends the databases of the room and removes it. */
const guardScript = `
  read -r _
  for file in "$1"/*/postgres/data/postmaster.pid "$1"/*/*/postgres/data/postmaster.pid; do
    pid=$(head -n 1 "$file" 2>/dev/null) && [ -n "$pid" ] && kill -QUIT "$pid"
  done
  sleep 1
  rm -rf "$1"`;

export async function openRoom(): Promise<Room> {
  const folder = await mkdtemp(join(tmpdir(), 'hdt-'));
  await chmod(folder, 0o711);
  const guard = spawn('/bin/sh', ['-c', guardScript, 'guard', folder], { stdio: ['pipe', 'ignore', 'ignore'], detached: true, cwd: '/' });
  guard.unref();
  guard.stdin.on('error', () => undefined);
  (guard.stdin as unknown as { unref?: () => void }).unref?.();
  const steps: (() => Promise<unknown>)[] = [];
  return {
    folder,
    async passable(name) {
      await mkdir(join(folder, name), { recursive: true });
      await chmod(join(folder, name), 0o711);
      return join(folder, name);
    },
    onLeave: (step) => void steps.push(step),
    async leave() {
      const wrong: string[] = [];
      for (const step of steps.splice(0).reverse()) await step().catch((error: Error) => wrong.push(`while leaving: ${error.message}`));
      const left = await gone(folder);
      for (const file of await databasesOutside(folder)) await rm(file, { recursive: true, force: true });
      await rm(folder, { recursive: true, force: true });
      guard.stdin.end();
      return [...wrong, ...left];
    },
  };
}

/** Processes that still live in the folder after a while, a line each. */
async function gone(folder: string): Promise<readonly string[]> {
  const until = Date.now() + 15_000;
  let left = await livingIn(folder);
  while (left.length > 0 && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    left = await livingIn(folder);
  }
  return left;
}

/** Processes whose command line or working directory names the folder. */
export async function livingIn(folder: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const pid of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => '');
    const isGuard = command.includes('read -r _');
    if (!isGuard && (command.includes(folder) || cwd.startsWith(folder)))
      found.push(`process ${pid} (${command.replaceAll('\0', ' ').trim().slice(0, 200)}) in ${cwd}`);
  }
  return found;
}

/** A database below folders that its user cannot pass through has its files elsewhere. */
async function databasesOutside(folder: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { recursive: true }).catch(() => [])) {
    if (!entry.endsWith('postgres.json')) continue;
    const state = JSON.parse(await readFile(join(folder, entry), 'utf8')) as { home: string; socketDir: string };
    found.push(...[state.home, dirname(state.socketDir)].filter((one) => !one.startsWith(folder)));
  }
  return found;
}
