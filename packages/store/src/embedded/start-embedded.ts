import { mkdir, realpath, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type Clock, HaldaneError, systemClock } from '@haldane/core';
import type { Connection } from '../connection.ts';
import { type Binaries, findBinaries } from './binaries.ts';
import { ourUid } from './folders.ts';
import { initialise, userName } from './initialise.ts';
import { ofThisFolder } from './of-this-folder.ts';
import { makePlace, outsideOf, type Place } from './place.ts';
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts';
import { becomesReady, ensureDatabase, lastWords, launchServer, livingServer, stopServer } from './server.ts';
import { takeStartLock } from './start-lock.ts';
import { readState, type State, stateFile, writeState } from './state-file.ts';

export type EmbeddedOptions = {
  /** Made when it is not there. */
  readonly dataDir: string;
  /** False only for data that nobody will miss. */
  readonly fsync?: boolean;
  readonly clock?: Clock;
};

export type Embedded = {
  readonly connection: Connection;
  /** Whether the server was running already, left behind by an owner that died. */
  readonly adopted: boolean;
  /** Ends the server and gives the data folder up. Harmless to repeat, and when somebody else owns the server by now. */
  stop(): Promise<void>;
  /** Stops, and removes every file of the server, wherever `makePlace` put it: for data that nobody will miss. */
  remove(): Promise<void>;
};

/** How often a server that dies while it starts is started again: what a killed one left behind may need a moment to go. */
const attempts = 4;

/**
 * Starts a real PostgreSQL whose files are in the data folder (or near it: see `makePlace`), or adopts the one that a dead
 * Haldane left running on them. Throws `stack-running` while another process that lives owns the data folder, `denied` when files
 * are not ours, and `unavailable` when the server cannot be started, with the end of its log.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const clock = options.clock ?? systemClock;
  const fsync = options.fsync ?? true;
  if (process.platform === 'win32')
    throw new HaldaneError('unavailable', 'the embedded PostgreSQL needs unix sockets; set DATABASE_URL to a server of your own');
  // As root the server is another user, which has to pass through.
  await mkdir(resolve(options.dataDir), { recursive: true, mode: ourUid() === 0 ? 0o711 : 0o700 });
  const dataDir = await realpath(options.dataDir);
  const giveBack = await takeStartLock(join(dataDir, 'postgres.lock'), clock);
  try {
    const before = await ofThisFolder(await readState(dataDir), dataDir);
    await refuseLivingOwner(before, dataDir);
    const place = await makePlace(dataDir, before);
    const binaries = await findBinaries(place.runAs, outsideOf(dataDir));
    const passwordFile = join(dataDir, 'postgres.password');
    const password = await initialise(place, binaries, passwordFile, { fsync });
    const connection: Connection = { host: place.socketDir, port: 5432, user: userName, password, database: 'haldane' };

    const owner = await identify(process.pid);
    const state = {
      owner,
      home: place.home,
      socketDir: place.socketDir,
      passwordFile,
      version: binaries.version,
      gid: place.runAs?.gid ?? null,
    };
    const record = (server: ProcessIdentity) => writeState(dataDir, { ...state, server });

    const living = await livingServer(place, before?.server ?? null);
    if (living) await record(living);
    const adopted = living !== null && (await becomesReady(living, connection, clock));
    const server = adopted ? living : await launchUntilReady(place, binaries, connection, { fsync, clock, record });
    await ensureDatabase(connection);
    const stop = () => stopOwned(dataDir, server, clock);
    const files = [place.home, dirname(place.socketDir), passwordFile, stateFile(dataDir)];
    const remove = async () => {
      if (!(await stop())) return;
      for (const file of files) await rm(file, { recursive: true, force: true });
    };
    return { connection, adopted, stop: async () => void (await stop()), remove };
  } finally {
    await giveBack();
  }
}

async function refuseLivingOwner(before: State | null, dataDir: string): Promise<void> {
  const owner = before?.owner;
  if (!owner || owner.pid === process.pid || !(await isAlive(owner))) return;
  throw new HaldaneError(
    'stack-running',
    `process ${owner.pid} is running Haldane on the data folder ${dataDir}; use that one, end it, or choose another data folder`,
    {
      details: { pid: owner.pid, dataDir },
    },
  );
}

type Launch = { readonly fsync: boolean; readonly clock: Clock; readonly record: (server: ProcessIdentity) => Promise<void> };

/** The server's pid is recorded before it answers: if we are killed here, the next start still finds it. */
async function launchUntilReady(place: Place, binaries: Binaries, connection: Connection, launch: Launch): Promise<ProcessIdentity> {
  for (let attempt = 1; ; attempt += 1) {
    const server = await launchServer(place, binaries, launch);
    await launch.record(server);
    if (await becomesReady(server, connection, launch.clock)) return server;
    if (attempt === attempts)
      throw new HaldaneError('unavailable', `the embedded PostgreSQL ended ${attempts} times while it started; ${await lastWords(place)}`);
    await launch.clock.sleep(150 * attempt);
  }
}

/** False when the data folder is not ours (any more): then nothing was done. */
async function stopOwned(dataDir: string, server: ProcessIdentity, clock: Clock): Promise<boolean> {
  const state = await readState(dataDir);
  if (state?.owner?.pid !== process.pid) return false;
  if (state.server) await stopServer(server, clock);
  await writeState(dataDir, { ...state, server: null, owner: null });
  return true;
}
