import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { messageOf } from '@haldane/core';
import type { ProxyConfig, ProxyView, RouteConfig } from '@haldane/dataplane';
import { AdminRoutes } from './admin/admin-routes.ts';
import { createAdminServer } from './admin/admin-server.ts';
import { DataPlane } from './data-plane.ts';
import { listen } from './door/listener.ts';
import { closeGently } from './door/route-door.ts';
import { keepTickShape } from './keep-tick-shape.ts';
import { readHalt, readRoutes, readServedRuns, writeHalt, writeRoutes, writeServedRuns } from './state-files.ts';
import { type RouterTime, systemTime } from './time.ts';

export type RouterOptions = {
  /** Bearer token of the admin interface. */
  readonly token: string;
  /** Where routes are kept for a restart; null keeps them nowhere. */
  readonly stateDir?: string | null;
  /** Port of the admin interface; 0 (the default) takes a free one. */
  readonly adminPort?: number;
  /** Where the admin interface listens. Default 127.0.0.1; anywhere else it is reached by whoever reaches the machine, and only the token keeps them out. */
  readonly adminHost?: string;
  /** Where routes listen. Default 127.0.0.1. */
  readonly host?: string;
  /** When set, the router ends itself once nobody has shown it the token for that long. */
  readonly lingerMs?: number | null;
  /** How long what is in flight may take to finish when the router ends. Default 30 s. */
  readonly drainMs?: number;
  readonly time?: RouterTime;
  /** Told what a person should know. */
  readonly warn?: (message: string) => void;
};

export type Router = {
  readonly id: string;
  readonly adminPort: number;
  readonly adminUrl: string;
  /** As `PUT /proxies/:proxy` does. */
  putProxy(config: ProxyConfig): Promise<ProxyView>;
  /** Looks at leases and lingering now, as its own timer does four times a second. */
  sweep(): void;
  /** Takes nothing new, finishes what is in flight, ends. Safe to repeat. */
  stop(): Promise<void>;
  /** Resolves once the router has ended, for whatever reason. */
  readonly stopped: Promise<void>;
};

const tickMs = 250;
/** Longer than any run may take: a watch of a day at most, and what goes before it. */
const rememberedMs = 7 * 24 * 3600 * 1000;
/** Whoever was the router before may still hold the port for a moment. */
const portTries = { most: 8, pauseMs: 250 };

/** Starts a router in this process and serves the routes of its state folder at once: to production only, without slices. */
export async function createRouter(options: RouterOptions): Promise<Router> {
  keepTickShape();
  const id = randomUUID();
  const time = options.time ?? systemTime;
  const warn = options.warn ?? (() => undefined);
  const stateDir = options.stateDir ?? null;
  let heardAt = time.monotonic();
  let restoring = true;
  const earlier = stateDir === null ? [] : readServedRuns(stateDir).filter(({ at }) => time.now() - at < rememberedMs);
  const served = new Map(earlier.map(({ runId, at }) => [runId, at]));
  const plane = new DataPlane({
    id,
    host: options.host ?? '127.0.0.1',
    time,
    halted: stateDir === null ? null : readHalt(stateDir),
    haltChanged: (why) => {
      if (stateDir !== null) writeHalt(stateDir, why);
    },
    routesChanged: (routes) => {
      if (stateDir !== null && !restoring) writeRoutes(stateDir, routes);
    },
    lost: new Set(earlier.map(({ runId }) => runId)),
    // On disk before the first request is admitted: else a restart could forget that anything was spent.
    spends: (runId) => {
      if (stateDir === null || served.has(runId)) return;
      served.set(runId, time.now());
      writeServedRuns(
        stateDir,
        [...served].map(([id, at]) => ({ runId: id, at })),
      );
    },
    warn,
  });
  for (const route of stateDir === null ? [] : readRoutes(stateDir)) {
    await serveAgain(plane, route, warn);
  }
  restoring = false;
  const latest = earlier.at(-1);
  if (latest !== undefined)
    warn(`started again: every user is production's; the last run served here, ${latest.runId}, has no budget left at this router`);

  const admin = createAdminServer({
    token: options.token,
    routes: new AdminRoutes(plane, () => void stop()),
    called: () => {
      heardAt = time.monotonic();
    },
  });
  const adminHost = options.adminHost ?? '127.0.0.1';
  const adminPort = await listen(admin, options.adminPort ?? 0, adminHost);
  const sweep = () => {
    plane.sweep();
    const lingerMs = options.lingerMs ?? null;
    if (lingerMs !== null && time.monotonic() - heardAt > lingerMs) void stop();
  };
  const tick = setInterval(sweep, tickMs);

  let ended: () => void;
  const stopped = new Promise<void>((resolve) => {
    ended = resolve;
  });
  let stopping = false;
  const stop = (): Promise<void> => {
    if (!stopping) {
      stopping = true;
      clearInterval(tick);
      void Promise.all([plane.close(options.drainMs ?? 30_000), closeGently(admin, 1000)]).then(
        () => ended(),
        () => ended(),
      );
    }
    return stopped;
  };
  return {
    id,
    adminPort,
    adminUrl: `http://${adminHost}:${adminPort}`,
    putProxy: (config) => plane.putProxy(config),
    sweep,
    stop,
    stopped,
  };
}

/** A route of before the restart, on its port of before; a person is told when that port does not come free. */
async function serveAgain(plane: DataPlane, route: RouteConfig, warn: (message: string) => void): Promise<void> {
  for (let tried = 1; ; tried += 1) {
    try {
      await plane.putRoute(route);
      return;
    } catch (error) {
      if (!isPortTaken(error) || tried >= portTries.most) return warn(`route ${route.route} is not served: ${messageOf(error)}`);
      warn(`route ${route.route}: port ${route.port} is still taken, trying again`);
      await wait(portTries.pauseMs);
    }
  }
}

function isPortTaken(error: unknown): boolean {
  return error instanceof Error && (error.cause as { code?: unknown } | undefined)?.code === 'EADDRINUSE';
}
